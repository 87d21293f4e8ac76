namespace Orchestrator.Control.Reconciling;

/// <summary>All that a host must know to run a controller: what it watches, which change concerns which key, and the function
/// that decides.</summary>
/// <remarks>
/// The host keeps one rate-limited work queue a controller. Changes seen by the informers, and for each object of the first
/// list, put keys into it; a worker takes a key, waits until <see cref="Expectations"/> are met, calls <see cref="Reconcile"/>
/// and carries out what it says. Never two workers on one key.
/// </remarks>
public sealed record ControllerDescription
{
    /// <summary>The name under which users see it in events, "deployment-controller" say.</summary>
    public required string Name { get; init; }

    public required Func<ReconcileInput, Decision> Reconcile { get; init; }

    public IReadOnlyList<Watch> Watches { get; init; } = [];

    public IReadOnlyList<ObjectIndex> Indexes { get; init; } = [];

    /// <summary>Kinds that cannot be watched and are listed from the API instead.</summary>
    public IReadOnlyList<Poll> Polls { get; init; } = [];

    /// <summary>Watches the metadata of every resource that can be listed, watched and deleted; its changes go through here
    /// instead of <see cref="Watches"/>.</summary>
    public Func<ObjectChange, IObjectCache, IEnumerable<NamespacedName>>? WatchesEverything { get; init; }

    /// <summary>How many keys may be looked at at once.</summary>
    public int Workers { get; init; } = 5;

    /// <summary>One worker, and every key waits for the writes of all: for controllers that hand out something scarce.</summary>
    public bool IsSerial { get; init; }

    /// <summary>When set, the host queues <see cref="WholeKey"/> at the start and each time this has passed.</summary>
    public TimeSpan? Period { get; init; }

    /// <summary>How often all known keys are queued again although nothing changed; null: never.</summary>
    public TimeSpan? Resync { get; init; }

    /// <summary>The key of controllers that look at the whole cluster at once.</summary>
    public static NamespacedName WholeKey { get; } = new("", "*");
}

/// <summary>A kind that is watched, and how a change of one object maps to keys of the controller's queue.</summary>
public sealed record Watch(GroupVersionKind Kind, Func<ObjectChange, IObjectCache, IEnumerable<NamespacedName>> Keys)
{
    /// <summary>Keys wait this long before they are due, so that many changes lead to one look.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Each change of an object of this kind concerns the object itself.</summary>
    public static Watch Self<T>() where T : class, IKubernetesObject<T> =>
        new(T.StaticKind, static (change, _) => [change.Current.Key]);

    /// <summary>Read by the controller, yet its changes wake nobody.</summary>
    public static Watch Silent<T>() where T : class, IKubernetesObject<T> => new(T.StaticKind, static (_, _) => []);

    /// <summary>A change concerns what <paramref name="keys"/> says.</summary>
    public static Watch On<T>(Func<T?, T?, IObjectCache, IEnumerable<NamespacedName>> keys)
        where T : class, IKubernetesObject<T> =>
        new(T.StaticKind, (change, cache) => keys(change.Old as T, change.New as T, cache));
}

/// <summary>Old is null for an added object, New for one that is gone. A resync has the same object twice.</summary>
public readonly record struct ObjectChange(IKubernetesObject? Old, IKubernetesObject? New)
{
    /// <summary>The newer of the two that is there.</summary>
    public IKubernetesObject Current => New ?? Old!;
}

/// <summary>An index over a watched kind.</summary>
public sealed record ObjectIndex(GroupVersionKind Kind, string Name, Func<IKubernetesObject, IEnumerable<string>> Values)
{
    public static ObjectIndex Of<T>(string name, Func<T, IEnumerable<string>> values) where T : class, IKubernetesObject<T> =>
        new(T.StaticKind, name, item => values((T)item));
}

/// <summary>A kind that is listed each time <paramref name="Period"/> has passed. That the list is refused (no metrics
/// served) makes it empty, no failure.</summary>
/// <param name="IsWanted">Whether anybody would look at the list: it may be long, and dear to make.</param>
public sealed record Poll(GroupVersionKind Kind, TimeSpan Period, Func<IObjectCache, bool> IsWanted);
