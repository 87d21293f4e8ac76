namespace KvStore.Server.Configuration;

/// <summary>The command line itself is wrong, as opposed to what it asks for: exit code 2, as for etcd.</summary>
public sealed class UsageException(string problem) : ConfigurationException(problem);
