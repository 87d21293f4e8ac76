namespace KvStore.Crash.Tests.Load;

/// <summary>How a request ended, as far as its client knows.</summary>
internal enum CallEnd
{
    Acknowledged,

    /// <summary>By the store's own rules: it did nothing.</summary>
    Refused,

    /// <summary>The member went away meanwhile.</summary>
    Unknown,
}
