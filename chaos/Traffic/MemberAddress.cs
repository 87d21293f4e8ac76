namespace KvStore.Chaos.Traffic;

/// <summary>A member, and where its clients reach it.</summary>
public sealed record MemberAddress(string Name, string Url);
