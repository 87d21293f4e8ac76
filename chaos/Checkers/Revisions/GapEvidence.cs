using Google.Protobuf;
using KvStore.Chaos.History;
using KvStore.Protocol;

namespace KvStore.Chaos.Checkers.Revisions;

/// <summary>What was seen of a revision that nobody was told to have made.</summary>
internal sealed class GapEvidence
{
    public List<KeyValue> Puts { get; } = [];

    public HashSet<ByteString> Deletes { get; } = [];

    /// <summary>When it was first seen, and by which record.</summary>
    public long At { get; set; } = long.MaxValue;

    public Evidence Evidence { get; set; }

    public Operation? Writer { get; set; }

    /// <summary>Of a transaction: the branch that the value seen belongs to.</summary>
    public bool? IsSuccess { get; set; }
}
