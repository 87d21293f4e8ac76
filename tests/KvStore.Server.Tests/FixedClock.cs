namespace KvStore.Server.Tests;

/// <summary>A clock that stands at one moment until it is moved.</summary>
internal sealed class FixedClock(DateTimeOffset now) : TimeProvider
{
    public static FixedClock AtNoon() => new(new DateTimeOffset(2026, 1, 2, 12, 0, 0, 123, 456, TimeSpan.Zero));

    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}
