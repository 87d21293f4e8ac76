using System.Threading.Channels;
using Orchestrator.Api;

namespace Orchestrator.Runtime.Scheduling;

/// <summary>What the scheduler has yet to take in, in the order in which it came: changes of objects, and what else is to be done.</summary>
/// <remarks>
/// A later change of an object joins the one that waits, which shows then what was before both and what is after both. So the
/// inbox holds no more than one entry an object, however long nobody takes anything out. Many write, one reads.
/// <code>
/// node a: 1 -> 2    pod p: none -> 1    node a: 2 -> 3    pod p: 1 -> none        is taken as        node a: 1 -> 3
/// </code>
/// </remarks>
internal sealed class SchedulerInbox
{
    private readonly Lock _gate = new();
    private readonly Queue<Entry> _entries = new();
    private readonly Dictionary<(Type Kind, NamespacedName Key, string Uid), Entry> _changes = [];

    private readonly Channel<bool> _filled = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    public int Count
    {
        get
        {
            lock (_gate)
                return _entries.Count;
        }
    }

    /// <param name="old">Null where it has been added.</param>
    /// <param name="now">Null where it is gone.</param>
    public void Change<T>(T? old, T? now, Action<T?, T?> take)
        where T : class, IKubernetesObject<T>
    {
        var either = (now ?? old)!;
        var key = (typeof(T), either.Key, either.Uid);
        lock (_gate)
        {
            if (_changes.TryGetValue(key, out var waiting))
            {
                waiting.Now = now;
                return;
            }
            var entry = new Entry { Now = now };
            entry.Act = () =>
            {
                // Added and gone again before anybody looked: nothing has happened.
                if (old is not null || entry.Now is not null)
                    take(old, (T?)entry.Now);
            };
            entry.Key = key;
            _changes.Add(key, entry);
            _entries.Enqueue(entry);
        }
        _filled.Writer.TryWrite(true);
    }

    public void Post(Action act)
    {
        lock (_gate)
            _entries.Enqueue(new Entry { Act = act });
        _filled.Writer.TryWrite(true);
    }

    /// <returns>False if there is nothing.</returns>
    public bool TryTake(out Action act)
    {
        lock (_gate)
        {
            if (!_entries.TryDequeue(out var entry))
            {
                act = static () => { };
                return false;
            }
            if (entry.Key is { } key)
                _changes.Remove(key);
            act = entry.Act;
            return true;
        }
    }

    /// <summary>Returns when something may be there.</summary>
    public async Task WaitAsync(CancellationToken cancellation)
    {
        if (Count == 0)
            await _filled.Reader.ReadAsync(cancellation);
    }

    private sealed class Entry
    {
        public Action Act { get; set; } = static () => { };

        /// <summary>Null for what is no change of an object.</summary>
        public (Type Kind, NamespacedName Key, string Uid)? Key { get; set; }

        public IKubernetesObject? Now { get; set; }
    }
}
