namespace Orchestrator.Runtime.ApiServer;

/// <summary>What the parts that are plugged into a server get from it; ready before any of them is called.</summary>
public sealed record ApiServerServices(IObjectReader Objects, IObjectWriter Writer, TimeProvider Clock)
{
    /// <summary>Shown among the server's metrics.</summary>
    public TokenCounts Tokens { get; } = new();
}
