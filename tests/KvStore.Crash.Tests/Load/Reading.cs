using KvStore.Crash.Tests.Histories;

namespace KvStore.Crash.Tests.Load;

/// <summary>What a linearizable read of [From, End) found.</summary>
internal sealed record Reading(long Revision, string From, string End, IReadOnlyList<KeyVersion> Found);
