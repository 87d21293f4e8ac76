namespace Orchestrator.Runtime.Hollow;

/// <summary>How a process's hollow nodes are.</summary>
public sealed record HollowOptions
{
    public int NodeCount { get; init; } = 1;

    /// <summary>Nodes are called by it and their number from 1 on; a single one by <see cref="NamePrefix"/> less the dash.</summary>
    public string NamePrefix { get; init; } = "hollow-";

    /// <summary>How long a container's start takes where no annotation says otherwise.</summary>
    public TimeSpan StartDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>How long a container takes to end once it is told to, where no annotation says otherwise.</summary>
    public TimeSpan StopDelay { get; init; }

    /// <summary>How long the containers of pods that end by themselves run.</summary>
    public TimeSpan FinishDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Where all nodes are reached.</summary>
    public string NodeIp { get; init; } = "127.0.0.1";

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>The range of a node's pods until the control plane gives it one: <c>10.64.0.0/24</c> and on.</summary>
    internal static string FallbackCidr(int index) => $"10.{64 + index / 256 % 64}.{index % 256}.0/24";

    internal string NodeName(int index) =>
        NodeCount == 1 ? NamePrefix.TrimEnd('-') : NamePrefix + (index + 1).ToString(System.Globalization.CultureInfo.InvariantCulture);
}
