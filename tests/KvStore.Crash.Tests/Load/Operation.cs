using Google.Protobuf;
using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Histories;

namespace KvStore.Crash.Tests.Load;

/// <summary>One request that changes the store: sent once, and judged by what the history says of it.</summary>
internal abstract record Operation
{
    /// <summary>Sends it.</summary>
    /// <returns>The revision of the answer's header.</returns>
    public abstract Task<long> SendAsync(EtcdClient client);

    /// <summary>What it does to a store in this state.</summary>
    public abstract IReadOnlyList<KeyVersion> Effect(StoreState before);

    /// <summary>Whether the answer that came agrees with that state.</summary>
    public virtual bool IsAnswerRight(StoreState before) => true;

    /// <summary>Whether the answer claims a change at its revision; null if it does not tell.</summary>
    public virtual bool? ClaimsChange => true;

    /// <summary>A value that no other operation writes; null for what writes none.</summary>
    public virtual string? UniqueValue => null;

    protected static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);
}
