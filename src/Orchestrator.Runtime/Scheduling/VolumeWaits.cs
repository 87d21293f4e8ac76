using System.Diagnostics.CodeAnalysis;
using Orchestrator.Api;

namespace Orchestrator.Runtime.Scheduling;

/// <summary>All pods that wait for volumes on their nodes. The scheduler's loop owns it.</summary>
internal sealed class VolumeWaits
{
    private readonly Dictionary<string, VolumeWait> _byPod = [];
    private readonly Dictionary<NamespacedName, List<VolumeWait>> _byClaim = [];

    // In the order of their deadlines, as all wait equally long; those that wait no more are passed over.
    private readonly Queue<VolumeWait> _byDeadline = new();

    public DateTimeOffset? NextDeadline
    {
        get
        {
            while (_byDeadline.TryPeek(out var first) && !Contains(first))
                _byDeadline.Dequeue();
            return _byDeadline.TryPeek(out var next) ? next.Deadline : null;
        }
    }

    public bool Contains(VolumeWait wait) => _byPod.GetValueOrDefault(wait.Pod.Uid) == wait;

    public void Add(VolumeWait wait)
    {
        Remove(wait.Pod.Uid);
        _byPod.Add(wait.Pod.Uid, wait);
        _byDeadline.Enqueue(wait);
        foreach (var claim in wait.Claims)
        {
            if (!_byClaim.TryGetValue(claim, out var waits))
                _byClaim.Add(claim, waits = []);
            waits.Add(wait);
        }
    }

    public void Remove(string podUid)
    {
        if (!_byPod.Remove(podUid, out var wait))
            return;
        foreach (var claim in wait.Claims)
        {
            if (_byClaim.TryGetValue(claim, out var waits) && waits.Remove(wait) && waits.Count == 0)
                _byClaim.Remove(claim);
        }
    }

    /// <summary>Those that wait for a claim's volume; a copy, as they may go meanwhile.</summary>
    public IReadOnlyList<VolumeWait> For(NamespacedName claim) => _byClaim.TryGetValue(claim, out var waits) ? [.. waits] : [];

    public IReadOnlyList<VolumeWait> On(string nodeName) => _byPod.Count == 0 ? [] : [.. _byPod.Values.Where(wait => wait.NodeName == nodeName)];

    public bool TryGetOverdue(DateTimeOffset now, [MaybeNullWhen(false)] out VolumeWait wait)
    {
        wait = NextDeadline <= now ? _byDeadline.Peek() : null;
        return wait is not null;
    }
}
