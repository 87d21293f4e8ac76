using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Informers;
using Orchestrator.Runtime.LeaderElection;
using Orchestrator.Runtime.WorkQueues;

namespace Orchestrator.Runtime.Scheduling;

/// <summary>Gives pods their nodes, while this process leads.</summary>
public sealed class SchedulerRunner(ApiClient client, SchedulerOptions? options = null)
{
    private readonly SchedulerOptions _options = options ?? new SchedulerOptions();
    private volatile SchedulerLoop? _loop;

    /// <summary>Whether it works here now, on complete caches.</summary>
    public bool IsWorking => _loop is { IsWorking: true };

    /// <summary>Pods that were bound in the present term.</summary>
    public long BoundCount => _loop?.BoundCount ?? 0;

    /// <summary>Waits for the lead, works, and waits again when it is lost; until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation) => Leading.RunAsync(client, _options.Election, WorkAsync, cancellation);

    private async Task WorkAsync(CancellationToken cancellation)
    {
        var informers = new InformerFactory(client, _options.Informers);
        var loop = new SchedulerLoop(client, informers, _options);
        _loop = loop;
        try
        {
            await Loops.RunTogetherAsync([informers.RunAsync, loop.RunAsync], cancellation);
        }
        finally
        {
            _loop = null;
        }
    }
}
