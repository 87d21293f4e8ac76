namespace KvStore.Server.Configuration;

internal enum FlagType
{
    Text,

    /// <summary>Comma-separated; the whole list in one value.</summary>
    List,

    /// <summary>Comma-separated URLs; may be empty.</summary>
    Urls,

    Bool,
    Int,
    Uint,
    Uint32,
    Duration,

    /// <summary>Comma-separated <c>Feature=true</c>.</summary>
    FeatureGates,
}

internal enum FlagStatus
{
    /// <summary>Does what it says.</summary>
    Implemented,

    /// <summary>Taken from etcd's users, and said once in the log to have no effect here, and why.</summary>
    Accepted,

    /// <summary>Any value but the default is an error: ignoring it would change what the user may rely on.</summary>
    Refused,
}

/// <summary>One row of the table of flags, from which command line, environment, file and help are all read.</summary>
internal sealed record Flag(string Name, FlagType Type, string Default, string Description)
{
    public FlagStatus Status { get; init; }

    /// <summary>Why it has no effect, or why it is refused and what to do instead; a clause without a full stop.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Former spellings that mean the same; etcd's experimental-* up to 3.6.</summary>
    public IReadOnlyList<string> OldNames { get; init; } = [];

    /// <summary>The only values there are, for flags of type <see cref="FlagType.Text"/>; empty means any.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>The feature gate that this flag sets.</summary>
    public string? FeatureGate { get; init; }

    /// <summary>Its value is never logged.</summary>
    public bool IsSecret { get; init; }

    /// <summary>Of etcd's past; known, but not shown in the help.</summary>
    public bool IsHidden { get; init; }

    /// <summary>Written without a value it means true.</summary>
    public bool TakesNoValue => Type == FlagType.Bool;

    public Flag Formerly(params string[] oldNames) => this with { OldNames = oldNames };

    public Flag Accepted(string reason) => this with { Status = FlagStatus.Accepted, Reason = reason };

    public Flag Refused(string reason) => this with { Status = FlagStatus.Refused, Reason = reason };

    public Flag OneOf(params string[] choices) => this with { Choices = choices };

    public Flag Gates(string feature) => this with { FeatureGate = feature };

    public Flag Secret() => this with { IsSecret = true };

    public Flag Hidden() => this with { IsHidden = true };
}
