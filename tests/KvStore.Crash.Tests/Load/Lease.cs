namespace KvStore.Crash.Tests.Load;

/// <summary>What is known of a lease that somebody asked for.</summary>
internal sealed class Lease(long id, bool isShort)
{
    public long Id => id;

    /// <summary>It may expire while the tests run.</summary>
    public bool IsShort => isShort;

    /// <summary>It was acknowledged.</summary>
    public bool IsGranted { get; set; }

    /// <summary>Somebody asked to revoke it: it may be gone.</summary>
    public bool IsRevocationTried { get; set; }

    /// <summary>That was acknowledged.</summary>
    public bool IsRevoked { get; set; }
}
