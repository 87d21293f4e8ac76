namespace Orchestrator.Runtime.ApiServer.Caching;

/// <summary>How a client wants objects: as they are, as rows of a table, or their metadata alone.</summary>
internal enum ObjectForm
{
    Full,

    /// <summary>A Table whose rows hold PartialObjectMetadata (includeObject=Metadata, the default).</summary>
    Table,

    /// <summary>A Table whose rows hold the whole object.</summary>
    TableWithObject,

    /// <summary>A Table whose rows hold nothing but cells.</summary>
    TableWithoutObject,

    PartialMetadata,
}
