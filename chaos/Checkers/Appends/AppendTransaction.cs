using Google.Protobuf;
using KvStore.Chaos.History;

namespace KvStore.Chaos.Checkers.Appends;

/// <summary>What one request did with lists: which it saw, and to which it appended an element each.</summary>
/// <remarks>
/// <code>
/// txn If(mod l/3 = 7, mod l/5 = 9) Then(put l/3 "a,b,x", get l/5)   answered: yes, l/5 = "c"
///     reads  l/3 = [a b]  l/5 = [c]      appends  x to l/3
/// </code>
/// </remarks>
internal sealed class AppendTransaction(int index, Operation operation)
{
    public int Index => index;

    public Operation Operation => operation;

    public List<(ByteString Key, string[] Elements, long ModRevision)> Reads { get; } = [];

    /// <summary>The list as it was written, the new element last.</summary>
    public List<(ByteString Key, string[] Elements)> Appends { get; } = [];

    /// <summary>Its appends are there, or may be: not those of a transaction that took its other branch, or was
    /// refused.</summary>
    public bool MayHaveWritten { get; set; } = true;

    /// <summary>Somebody saw what it appended, or it was acknowledged.</summary>
    public bool IsCommitted { get; set; }

    /// <summary>An answer that may be old: it keeps the order of changes, but not real time.</summary>
    public bool IsSerializable { get; init; }
}
