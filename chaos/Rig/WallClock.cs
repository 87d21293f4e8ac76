using System.Globalization;

namespace KvStore.Chaos.Rig;

/// <summary>One member's wall clock, which can be set: a preloaded library adds what a file says. Its monotonic clock stays as it
/// is.</summary>
/// <remarks>Programs that ask the kernel without the C library, Go's among them, do not notice.</remarks>
internal sealed class WallClock(string file)
{
    private readonly string? _library = Requirements.FakeTimeLibrary();

    /// <summary>The members of this run are started so that their clocks can be set.</summary>
    public bool IsOffered { get; private set; }

    /// <summary>For the shell that starts the member.</summary>
    public string Environment =>
        $"LD_PRELOAD={_library} FAKETIME_TIMESTAMP_FILE={file} FAKETIME_CACHE_DURATION=1 "
        + "FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1 "
        // Left to itself the library turns timed waits on the monotonic clock into ones that end at once: they are asked again and again.
        + "FAKETIME_FORCE_MONOTONIC_FIX=0";

    /// <exception cref="RigException">The library is not installed.</exception>
    public void Offer()
    {
        if (_library is null)
            throw new RigException("libfaketime is needed for the fault clock: apt-get install libfaketime, or leave it out by --faults");
        IsOffered = true;
        Set(TimeSpan.Zero);
    }

    public void Set(TimeSpan offset)
    {
        // A rename: nobody reads half of it.
        string next = file + ".next";
        File.WriteAllText(next, string.Create(CultureInfo.InvariantCulture, $"{offset.TotalSeconds:+0.0;-0.0;+0}\n"));
        File.Move(next, file, overwrite: true);
    }
}
