namespace Orchestrator.Runtime.Client;

public enum WatchEventType
{
    Added,
    Modified,
    Deleted,

    /// <summary>Nothing changed up to the object's resourceVersion; the object has nothing else.</summary>
    Bookmark,
}

/// <summary>One change. Of a deleted object, <paramref name="Object"/> is the last state.</summary>
public readonly record struct WatchEvent<T>(WatchEventType Type, T Object);
