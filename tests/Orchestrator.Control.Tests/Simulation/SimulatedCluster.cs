namespace Orchestrator.Control.Tests.Simulation;

/// <summary>An API server, controllers that each see it late, and nodes, under one seed: refused writes, writes whose answer
/// is lost, watches that lag, controllers that crash at any moment.</summary>
public sealed class SimulatedCluster
{
    private readonly Random _random;
    private readonly List<SimulatedHost> _hosts = [];
    private readonly Queue<string> _recent = new();
    private readonly List<string> _created = [];
    private readonly List<string> _deleted = [];
    private bool _hasFaults = true;

    public SimulatedCluster(int seed, IReadOnlyList<ControllerDescription> controllers)
    {
        _random = new Random(seed);
        Api.Changed = (before, after) =>
        {
            if ((after ?? before) is Pod pod && (before is null || after is null))
                (before is null ? _created : _deleted).Add(pod.Labels["app"]);
            if (after is Pod { Status.Phase: "Failed" })
                FailedPods.Add(after.Uid);
            if (after is Pod { Status.Phase: "Succeeded" })
                SucceededPods.Add(after.Uid);
            foreach (var host in _hosts)
                host.Cache.Enqueue(Api.Version, before, after);
        };
        _hosts.AddRange(controllers.Select(controller => new SimulatedHost(controller, this)));
    }

    public FakeCluster Api { get; } = new();

    public DateTimeOffset Now => Api.Now;

    /// <summary>Whether a write may be done and yet reported as failed.</summary>
    public bool LosesAnswers { get; init; } = true;

    /// <summary>Uids of all pods that ever failed.</summary>
    public HashSet<string> FailedPods { get; } = [];

    public HashSet<string> SucceededPods { get; } = [];

    public int CreatedPods(string app) => _created.Count(label => label == app);

    public int DeletedPods(string app) => _deleted.Count(label => label == app);

    /// <summary>What happens to a pod that runs; default: it becomes ready.</summary>
    public Action<Pod, Random> RunPod { get; set; } = static (pod, _) => pod.Ready();

    /// <summary>Runs with faults for so many steps, then lets all come to rest.</summary>
    public void Run(int steps, Action<int, Random> user)
    {
        for (int step = 0; step < steps; step++)
        {
            user(step, _random);
            Step();
        }
        _hasFaults = false;
        Settle();
    }

    /// <summary>Without further faults: until nothing is left to be done.</summary>
    public void Settle()
    {
        for (int i = 0; i < 20000; i++)
        {
            foreach (var host in _hosts)
            {
                while (host.Cache.Behind.Any())
                    host.Deliver(host.Cache.Behind.First());
            }
            if (_hosts.FirstOrDefault(host => host.HasWork) is { } busy)
            {
                busy.Work(_random);
                continue;
            }
            if (ActAsNode(everything: true))
                continue;
            // At rest until a timer; those far away (deadlines) change nothing more.
            if (_hosts.Select(host => host.NextTimer).Where(at => at < Now.AddMinutes(3)).Min() is not { } next)
                return;
            Advance(next);
        }
        Assert.Fail("does not come to rest: " + string.Join(", ", _hosts.Where(host => !host.IsQuiet).Select(host => host.Name))
            + string.Concat(_recent.Select(line => "\n  " + line)));
    }

    private void Advance(DateTimeOffset to)
    {
        if (to > Now)
            Api.Now = to;
        foreach (var host in _hosts)
            host.Tick(Now);
    }

    private void Step()
    {
        int index = _random.Next(_hosts.Count);
        var host = _hosts[index];
        switch (_random.Next(100))
        {
            case < 45 when host.Cache.Behind.Any():
                var kinds = host.Cache.Behind.ToList();
                host.Deliver(kinds[_random.Next(kinds.Count)]);
                break;
            case < 75 when host.HasWork:
                host.Work(_random);
                break;
            case < 90:
                ActAsNode(everything: false);
                break;
            case < 98:
                Advance(Now.AddMilliseconds(_random.Next(3000)));
                break;
            default:
                // A new process: it lists everything and remembers nothing.
                _hosts[index] = new SimulatedHost(host.Controller, this);
                break;
        }
    }

    /// <summary>Carries out one intent, unless a fault comes in between.</summary>
    /// <returns>The refusal, null after a success.</returns>
    public Status? Perform(Intent intent, Random random, out IKubernetesObject? answer)
    {
        answer = null;
        _recent.Enqueue(Describe(intent));
        if (_recent.Count > 12)
            _recent.Dequeue();
        bool isLost = _hasFaults && random.Next(40) == 0;
        if (isLost && (!LosesAnswers || random.Next(2) == 0))
            return Make.Refused("InternalError", "lost before it was done", 500);
        // Nothing new comes into a namespace that is ending.
        if (intent is Create { Object: { Namespace: { Length: > 0 } space } }
            && Api.List<Namespace>() is { Count: > 0 } spaces && !spaces.Any(ns => ns.Name == space && !ns.IsBeingDeleted))
        {
            return Make.Refused("Forbidden", $"unable to create new content in namespace {space} because it is being terminated");
        }
        try
        {
            string name = Api.Apply(intent);
            answer = AnswerOf(intent, name);
        }
        catch (FakeCluster.RefusedException refusal)
        {
            return intent is Delete && refusal.Status.Reason == "NotFound" ? null : refusal.Status;
        }
        return isLost ? Make.Refused("Timeout", "done, and the answer lost", 504) : null;
    }

    private static string Describe(Intent intent) => intent switch
    {
        Create create => $"create {ObjectRef.To(create.Object)} {create.Object.Metadata.GenerateName}",
        Update update => $"update {ObjectRef.To(update.Object)} {update.Subresource} "
            + System.Text.Encoding.UTF8.GetString(KubernetesJson.Serialize(update.Object)),
        Patch patch => $"patch {patch.Target} {patch.Body}",
        Delete delete => $"delete {delete.Target}",
        EmitEvent emit => $"event {emit.Note.Message}",
        _ => intent.GetType().Name,
    };

    private IKubernetesObject? AnswerOf(Intent intent, string name) => intent switch
    {
        Create create => Api.Get(create.Object.GroupVersionKind, create.Object.Namespace, name),
        Update update => Api.Get(update.Object.GroupVersionKind, update.Object.Namespace, name),
        Patch patch => Api.Get(patch.Target.Kind, patch.Target.Namespace, name),
        _ => null,
    };

    /// <summary>The scheduler's and the kubelets' part, for one pod or for all.</summary>
    private bool ActAsNode(bool everything)
    {
        bool acted = false;
        foreach (var pod in Api.List<Pod>().OrderBy(_ => _random.Next()).ToList())
        {
            if (Api.Get<Pod>(pod.Namespace, pod.Name) is not { } current || !ActOn(current))
                continue;
            acted = true;
            if (!everything)
                return true;
        }
        return acted;
    }

    private bool ActOn(Pod pod)
    {
        if (pod.IsBeingDeleted)
        {
            if (pod.Metadata.Finalizers.OrEmpty().Count > 0)
                return EndBeforeItGoes(pod);
            Api.Remove(pod);
            return true;
        }
        if (pod.Status.Phase is "Succeeded" or "Failed" || Control.Pods.PodState.IsReady(pod))
            return false;
        Api.Change<Pod>(pod.Namespace, pod.Name, changed =>
        {
            changed.Spec.NodeName ??= Control.Nodes.NodeMatch.NameInAffinity(changed.Spec) ?? "node-1";
            changed.Status.PodIP ??= $"10.0.0.{Api.Version % 250}";
            RunPod(changed, _random);
        });
        return true;
    }

    private bool EndBeforeItGoes(Pod pod)
    {
        if (pod.Status.Phase is "Succeeded" or "Failed")
            return false;
        Api.Change<Pod>(pod.Namespace, pod.Name, changed => changed.Phase("Failed"));
        return true;
    }
}
