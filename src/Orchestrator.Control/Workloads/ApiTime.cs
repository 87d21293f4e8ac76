using System.Globalization;

namespace Orchestrator.Control.Workloads;

/// <summary>Times as they stand in objects, for patches that are written by hand.</summary>
public static class ApiTime
{
    public static string Text(DateTimeOffset time) =>
        time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
