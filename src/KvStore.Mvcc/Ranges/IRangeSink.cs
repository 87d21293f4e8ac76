using KvStore.Mvcc.Index;

namespace KvStore.Mvcc.Ranges;

/// <summary>Takes the KeyValues of a range in the order of the answer: as messages, or as bytes.</summary>
internal interface IRangeSink
{
    /// <param name="record">The stored KeyValue; valid during the call alone.</param>
    void Add(ReadOnlySpan<byte> record);

    void AddKeyOnly(ReadOnlySpan<byte> key, in KeyState state);

    /// <summary>Forgets what was added: the range is read again.</summary>
    void Clear();
}
