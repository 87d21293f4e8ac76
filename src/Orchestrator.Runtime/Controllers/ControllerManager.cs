using Orchestrator.Api;
using Orchestrator.Control.Reconciling;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Informers;
using Orchestrator.Runtime.LeaderElection;
using Orchestrator.Runtime.WorkQueues;

namespace Orchestrator.Runtime.Controllers;

/// <summary>Runs a set of controllers on shared informers, while this process leads.</summary>
/// <remarks>Each time of leading begins with empty caches and queues: nothing of an earlier one is believed.</remarks>
public sealed class ControllerManager(
    ApiClient client, IReadOnlyList<ControllerDescription> controllers, ControllerManagerOptions? options = null)
{
    /// <summary>Of the meter that tells how the controllers' queues fare.</summary>
    public const string MeterName = ControllerMetrics.MeterName;

    private readonly ControllerManagerOptions _options = options ?? new ControllerManagerOptions();
    private volatile Term? _term;

    /// <summary>Whether the controllers work here now, on complete caches.</summary>
    public bool IsWorking => _term is { IsSynced: true };

    /// <summary>Whether nothing is due, in work or waiting for its time. False while others lead.</summary>
    public bool IsIdle => _term is { IsSynced: true } term && term.Runners.All(runner => runner.IsIdle);

    /// <summary>The informers of the present term; null while others lead.</summary>
    public InformerFactory? Informers => _term?.Informers;

    /// <summary>Waits for the lead, works, and waits again when it is lost; until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation) => Leading.RunAsync(client, _options.Election, WorkAsync, cancellation);

    private async Task WorkAsync(CancellationToken cancellation)
    {
        var term = new Term(new InformerFactory(client, _options.Informers));
        foreach (var controller in controllers)
            term.Runners.Add(new ControllerRunner(controller, client, term.Informers, _options.Signer, _options.Log, _options.Jitter, _options.TokenIssuer));
        // Last, so that a kind which somebody watches as a whole is not watched a second time for its metadata.
        for (int i = 0; i < controllers.Count; i++)
        {
            if (controllers[i].WatchesEverything is not null)
                term.Runners[i].Include(Everything(term.Informers));
        }
        foreach (var runner in term.Runners)
            runner.Subscribe();
        _term = term;
        try
        {
            List<Func<CancellationToken, Task>> loops = [term.Informers.RunAsync, end => MarkSyncedAsync(term, end)];
            loops.AddRange(term.Runners.Select(runner => (Func<CancellationToken, Task>)runner.RunAsync));
            await Loops.RunTogetherAsync(loops, cancellation);
        }
        finally
        {
            _term = null;
        }
    }

    private static async Task MarkSyncedAsync(Term term, CancellationToken cancellation)
    {
        await term.Informers.WaitForSyncAsync(cancellation);
        term.IsSynced = true;
    }

    // Events are left out, as they come in crowds, belong to nobody and go by themselves.
    private static List<Informer> Everything(InformerFactory informers)
    {
        var whole = informers.All.Where(informer => !informer.IsMetadataOnly)
            .ToDictionary(informer => informer.Resource.Kind);
        var everything = new List<Informer>();
        foreach (var resource in ResourceTable.Served.All)
        {
            if (resource.Plural == "events" || !resource.Allows("list") || !resource.Allows("watch") || !resource.Allows("delete"))
                continue;
            // Of a group's versions one shows all the objects.
            if (ResourceTable.Served.Preferred(resource.Group, resource.Plural) != resource && !whole.ContainsKey(resource.Kind))
                continue;
            everything.Add(whole.GetValueOrDefault(resource.Kind) ?? informers.ForMetadata(resource));
        }
        return everything;
    }

    private sealed class Term(InformerFactory informers)
    {
        private volatile bool _isSynced;

        public InformerFactory Informers => informers;

        public List<ControllerRunner> Runners { get; } = [];

        public bool IsSynced
        {
            get => _isSynced;
            set => _isSynced = value;
        }
    }
}
