namespace KvStore.Server.Members.Scheduling;

/// <summary>Where the member's loops run: threads in production, one seeded thread in the simulation.</summary>
/// <remarks>Loops share nothing but queues, so the order in which a simulation steps them stands for every thread timing.</remarks>
public interface ILoopScheduler
{
    TimeProvider Time { get; }

    /// <summary>Makes a loop. Its step runs when it is woken, and again as long as it returns true.</summary>
    ILoop Start(string name, Func<bool> step);

    /// <summary>Called within a step: holds this loop up for so long, while the others run on.</summary>
    void Pause(TimeSpan duration);
}

/// <summary>Runs one step at a time; what the step owns needs no lock.</summary>
public interface ILoop
{
    /// <summary>Makes the step run soon. Any thread; costs next to nothing when the loop is awake already.</summary>
    void Wake();

    /// <summary>Ends the loop after the step that is running; returns when no step runs any more.</summary>
    void Stop();
}
