using System.Globalization;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Events;

/// <summary>What events are called, whoever tells of them.</summary>
internal static class EventName
{
    private const int NanosecondsPerTick = 100;

    /// <summary>Numbers repeat: a microsecond is the most by which they may shift a moment.</summary>
    private const int Numbers = 1000;

    /// <summary>The object's name and the moment in nanoseconds: those of one second, which is all that an event shows, are listed in
    /// the order in which they happened.</summary>
    /// <param name="number">Another one for each event of who tells: two of one moment are still two.</param>
    public static string Of(ObjectReference about, DateTimeOffset at, long number) => string.Create(
        CultureInfo.InvariantCulture, $"{about.Name}.{(at.UtcTicks - DateTime.UnixEpoch.Ticks) * NanosecondsPerTick + number % Numbers:x}");
}
