namespace Orchestrator.Runtime.Client;

public enum PatchFormat
{
    /// <summary>RFC 6902.</summary>
    Json,

    /// <summary>RFC 7386.</summary>
    Merge,

    Strategic,

    /// <summary>Server-side apply; needs a field manager.</summary>
    Apply,
}
