namespace KvStore.Server.Configuration;

/// <param name="Notices">To be logged as soon as the log is open.</param>
public sealed record LoadedConfiguration(ServerOptions Options, IReadOnlyList<ConfigurationNotice> Notices);
