namespace KvStore.Chaos.Rig;

/// <summary>What a <see cref="UserSpaceLink"/> does to frames.</summary>
/// <param name="Delay">Of every frame, each way.</param>
/// <param name="Jitter">At most so much more.</param>
/// <param name="MayOvertake">Frames leave in the order of their times, not of their coming.</param>
/// <param name="DuplicatePercent">How many of a hundred leave twice.</param>
internal sealed record LinkBehaviour(TimeSpan Delay, TimeSpan Jitter, bool MayOvertake, int DuplicatePercent);
