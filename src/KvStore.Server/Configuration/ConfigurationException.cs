namespace KvStore.Server.Configuration;

/// <summary>The server cannot start as it was told to: one clear message for each thing that is wrong.</summary>
public class ConfigurationException(IReadOnlyList<string> problems) : Exception(string.Join(Environment.NewLine, problems))
{
    public ConfigurationException(string problem)
        : this([problem])
    {
    }

    public IReadOnlyList<string> Problems { get; } = problems;
}
