namespace Orchestrator.Runtime.Client;

/// <summary>One request; <paramref name="PathAndQuery"/> begins with a slash and is escaped already.</summary>
public sealed record ApiRequest(HttpMethod Method, string PathAndQuery)
{
    public const string Json = "application/json";

    /// <summary>The server is asked for names and other metadata alone: a tenth of the bytes.</summary>
    public const string MetadataOnly = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

    public const string MetadataOnlyList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

    public string Accept { get; init; } = Json;

    /// <summary>Null: no body.</summary>
    public ReadOnlyMemory<byte>? Body { get; init; }

    public string ContentType { get; init; } = Json;

    /// <summary>For whom the request is made where that is not the caller himself, who needs the right to impersonate him.</summary>
    public ActingUser? ActingFor { get; init; }

    /// <summary>How long an answer may take; null leaves it to the transport. Watches have no such limit.</summary>
    public TimeSpan? Timeout { get; init; }
}
