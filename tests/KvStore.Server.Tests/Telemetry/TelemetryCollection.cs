namespace KvStore.Server.Tests.Telemetry;

/// <summary>Tests that look at all meters or sources of the process, one after the other and with nobody else.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public class TelemetryCollection
{
    public const string Name = "telemetry";
}
