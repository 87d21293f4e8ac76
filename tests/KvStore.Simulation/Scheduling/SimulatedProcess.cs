using KvStore.Storage.Disks.Simulated;

namespace KvStore.Simulation.Scheduling;

/// <summary>One life of a member's process: what it runs ends with it.</summary>
internal sealed class SimulatedProcess(string name)
{
    private readonly List<TaskCompletionSource> _waiting = [];

    public string Name { get; } = name;

    public bool IsAlive { get; private set; } = true;

    /// <summary>It does nothing until then, though its clock goes on: a long pause of the machine or the runtime.</summary>
    public TimeSpan PausedUntil { get; set; }

    /// <summary>Told that the process ended by itself, and why.</summary>
    public required Action<string> Crashed { get; init; }

    /// <summary>Runs something within the process; the process may die of it.</summary>
    public void Run(Action action)
    {
        if (!IsAlive)
            return;
        try
        {
            action();
        }
        catch (SimulatedCrashException)
        {
            End("crash");
        }
        catch (IOException failure) when (IsInjected(failure))
        {
            // A log or a value that cannot be written ends the process, as in production.
            End("I/O error");
        }
    }

    /// <summary>Somebody ends the process.</summary>
    public void Kill()
    {
        IsAlive = false;
        foreach (var waiting in _waiting.ToList())
            waiting.TrySetResult();
    }

    /// <summary>Throws when the process died while one of its steps waited.</summary>
    public void CheckAlive()
    {
        if (!IsAlive)
            throw new SimulatedCrashException("the process died while this step waited");
    }

    /// <summary>Completes with the task, or when the process dies: then the answer never comes.</summary>
    public async Task AnswerAsync(Task outcome)
    {
        if (outcome.IsCompleted || !IsAlive)
            return;
        var end = new TaskCompletionSource();
        _waiting.Add(end);
        _ = ForwardAsync(outcome, end);
        await end.Task;
        _waiting.Remove(end);
    }

    private static async Task ForwardAsync(Task outcome, TaskCompletionSource end)
    {
        await outcome.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        end.TrySetResult();
    }

    private void End(string why)
    {
        if (IsAlive)
            Crashed(why);
    }

    private static bool IsInjected(IOException failure)
    {
        for (Exception? cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause.Message.Contains("simulated I/O error", StringComparison.Ordinal))
                return true;
        }
        return false;
    }
}
