using System.Globalization;

namespace KvStore.Grpc;

/// <summary>The grpc-timeout header: up to eight digits and a unit, "250m" for 250 milliseconds.</summary>
internal static class GrpcTimeout
{
    /// <summary>A timer can not wait longer; such a deadline is no limit in practice.</summary>
    public static readonly TimeSpan LongestTimer = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    public static readonly Status Exceeded = new(StatusCode.DeadlineExceeded, "context deadline exceeded");

    private const long MostDigits = 99_999_999;

    /// <exception cref="RpcException">It is no timeout.</exception>
    public static TimeSpan Parse(string text)
    {
        if (text.Length is < 2 or > 9
            || !long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var amount))
            throw Malformed(text);
        return text[^1] switch
        {
            'H' => TimeSpan.FromHours(amount),
            'M' => TimeSpan.FromMinutes(amount),
            'S' => TimeSpan.FromSeconds(amount),
            'm' => TimeSpan.FromMilliseconds(amount),
            'u' => TimeSpan.FromMicroseconds(amount),
            'n' => new TimeSpan(amount / TimeSpan.NanosecondsPerTick),
            _ => throw Malformed(text),
        };
    }

    /// <summary>The finest unit in which the timeout fits, rounded up so that the server never gives up first.</summary>
    public static string Format(TimeSpan timeout)
    {
        if (timeout <= TimeSpan.Zero)
            return "1n";
        ReadOnlySpan<(char Unit, long Ticks)> units =
        [
            ('u', TimeSpan.TicksPerMicrosecond), ('m', TimeSpan.TicksPerMillisecond), ('S', TimeSpan.TicksPerSecond),
            ('M', TimeSpan.TicksPerMinute),
        ];
        foreach (var (unit, ticks) in units)
        {
            var amount = (timeout.Ticks - 1) / ticks + 1;
            if (amount <= MostDigits)
                return string.Create(CultureInfo.InvariantCulture, $"{amount}{unit}");
        }

        return string.Create(CultureInfo.InvariantCulture, $"{Math.Min(MostDigits, timeout.Ticks / TimeSpan.TicksPerHour + 1)}H");
    }

    private static RpcException Malformed(string text) => new(StatusCode.Internal, $"malformed grpc-timeout: \"{text}\"");
}
