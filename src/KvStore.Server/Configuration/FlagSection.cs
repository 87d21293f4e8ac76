namespace KvStore.Server.Configuration;

/// <summary>Flags that the help shows together.</summary>
internal sealed record FlagSection(string Title, IReadOnlyList<Flag> Flags);
