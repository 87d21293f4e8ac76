using KvStore.Raft;

namespace KvStore.Server.Peers;

/// <summary>A peer as the transport sees it at one moment.</summary>
/// <param name="ActiveSince">Since when messages to it have had a way; null while they have none.</param>
/// <param name="RoundTrip">Of the last ping; null before the first answer.</param>
/// <param name="IsMember">False for one that is known only because it called.</param>
public sealed record PeerStatus(
    NodeId Id, IReadOnlyList<string> Urls, DateTimeOffset? ActiveSince, TimeSpan? RoundTrip, bool IsMember, PeerCounters Counters);
