namespace Orchestrator.Runtime.Client;

/// <summary>Which objects a list or watch is about, and from which state.</summary>
public sealed record ListOptions
{
    public static ListOptions Default { get; } = new();

    public string? LabelSelector { get; init; }

    public string? FieldSelector { get; init; }

    /// <summary>Objects a page; null: all at once.</summary>
    public int? Limit { get; init; }

    public string? Continue { get; init; }

    /// <summary>Null: the newest state. "0": whatever the server has at hand.</summary>
    public string? ResourceVersion { get; init; }

    public string? ResourceVersionMatch { get; init; }
}

/// <summary>What a watch shows and from where on.</summary>
public sealed record WatchOptions
{
    public string? LabelSelector { get; init; }

    public string? FieldSelector { get; init; }

    /// <summary>Events after this one; null or "0": first everything that is there, as added.</summary>
    public string? ResourceVersion { get; init; }

    /// <summary>First the objects that are there, then a bookmark that says so, then changes (WatchList).</summary>
    public bool SendInitialEvents { get; init; }

    public bool AllowBookmarks { get; init; } = true;

    /// <summary>The server ends the watch after this time.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <summary>How a write is made.</summary>
public sealed record WriteOptions
{
    public static WriteOptions Default { get; } = new();

    public bool IsDryRun { get; init; }

    /// <summary>Null: the client's (<see cref="ApiClientOptions.FieldManager"/>).</summary>
    public string? FieldManager { get; init; }

    /// <summary>Strict, Warn or Ignore; null: the server's default.</summary>
    public string? FieldValidation { get; init; }

    /// <summary>Server-side apply takes fields over from other managers.</summary>
    public bool Force { get; init; }
}

/// <summary>How something is deleted; what is null is the kind's default.</summary>
public sealed record Deletion
{
    public static Deletion Default { get; } = new();

    /// <summary>Only the object with this uid.</summary>
    public string? Uid { get; init; }

    /// <summary>Only the object in this state.</summary>
    public string? ResourceVersion { get; init; }

    /// <summary>Background, Foreground or Orphan.</summary>
    public string? PropagationPolicy { get; init; }

    public long? GracePeriodSeconds { get; init; }

    public bool IsDryRun { get; init; }
}
