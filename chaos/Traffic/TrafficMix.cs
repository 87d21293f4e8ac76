namespace KvStore.Chaos.Traffic;

/// <summary>Who takes part: so many workers of each kind.</summary>
internal static class TrafficMix
{
    private const int RegisterGroups = 6, WorkersPerRegister = 3, ListWorkers = 8, RangeWorkers = 16, LeaseWorkers = 8;
    private const int Locks = 3, WorkersPerLock = 3, Watchers = 8, WatchedKeys = 48, WatchedKeyWorkers = 5;
    private const int Objects = 40, ObjectWorkers = 5, Informers = 3;
    private const int EverythingWatchers = 2;

    public static IReadOnlyList<Worker> Create(TrafficContext context)
    {
        var workers = new List<Worker>();
        for (int group = 0; group < RegisterGroups; group++)
        {
            var key = new SharedKey($"r/{group}-");
            for (int i = 0; i < WorkersPerRegister; i++)
                workers.Add(new RegisterWorker(context, workers.Count, key));
        }
        var lists = new ListKeys();
        Add(ListWorkers, number => new ListWorker(context, number, lists));
        Add(RangeWorkers, number => new RangeWorker(context, number));
        Add(LeaseWorkers, number => new LeaseWorker(context, number));
        for (int name = 0; name < Locks; name++)
        {
            string lockName = $"lock-{name}";
            Add(WorkersPerLock, number => new LockWorker(context, number, lockName));
        }
        Add(WatchedKeyWorkers, number => new WatchedKeyWorker(context, number, "w/", WatchedKeys));
        Add(Watchers, number => new Watcher(context, number, "w/", WatchedKeys));
        Add(ObjectWorkers, number => new ObjectWorker(context, number, "o/pods/", Objects));
        Add(Informers, number => new Informer(context, number, "o/"));
        Add(EverythingWatchers, number => new EverythingWatcher(context, number));
        return workers;

        void Add(int count, Func<int, Worker> create)
        {
            for (int i = 0; i < count; i++)
                workers.Add(create(workers.Count));
        }
    }
}
