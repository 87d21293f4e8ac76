using System.Diagnostics;

namespace KvStore.Chaos.Rig;

/// <summary>A piece of wire that this process plays: put between a member's port and the bridge, it delays, reorders and doubles.</summary>
/// <remarks>
/// Kernels without netem cannot do that. The port's name goes over to the link's end at the bridge, so that rules about the port hold
/// as before:
/// <code>
/// before   member ── m1p ── bridge
/// after    member ── m1v ── bridge m1w ── m1t (TAP) ── this process ── m1p (TAP) ── bridge
/// </code>
/// </remarks>
internal sealed class UserSpaceLink
{
    private const int FrameBytesLimit = 70_000;
    private const int QueueLimit = 20_000;
    private const int WaitMilliseconds = 20;

    private readonly string _port, _bridge, _device, _wire;
    private readonly LinkBehaviour _behaviour;
    private readonly TapDevice _memberEnd, _bridgeEnd;
    private readonly Thread[] _threads;
    private volatile bool _isRemoved;
    private long _frames, _overtaken, _duplicates;

    private UserSpaceLink(string member, string port, string bridge, LinkBehaviour behaviour)
    {
        (_port, _bridge, _device, _wire, _behaviour) = (port, bridge, member + "v", member + "w", behaviour);
        _memberEnd = new TapDevice(member + "t");
        _bridgeEnd = new TapDevice(port);
        _threads = [new Thread(() => Carry(_memberEnd, _bridgeEnd)), new Thread(() => Carry(_bridgeEnd, _memberEnd))];
    }

    public long FrameCount => Interlocked.Read(ref _frames);

    public long OvertakenCount => Interlocked.Read(ref _overtaken);

    public long DuplicateCount => Interlocked.Read(ref _duplicates);

    public static async Task<UserSpaceLink> InsertAsync(string member, string port, string bridge, LinkBehaviour behaviour)
    {
        await Shell.RunAsync("ip", ["-batch", "-"], $"link set {port} nomaster\nlink set {port} down\nlink set {port} name {member}v\n");
        var link = new UserSpaceLink(member, port, bridge, behaviour);
        await Shell.RunAsync("ip", ["-batch", "-"], $"""
            link add {link._wire} type bridge
            link set {link._wire} up
            link set {link._device} master {link._wire} up
            link set {member}t master {link._wire} up
            link set {port} master {bridge} up

            """);
        foreach (var thread in link._threads)
            thread.Start();
        return link;
    }

    /// <summary>As before; frames under way are lost.</summary>
    public async Task RemoveAsync()
    {
        _isRemoved = true;
        foreach (var thread in _threads)
            thread.Join();
        _memberEnd.Dispose();
        _bridgeEnd.Dispose();
        await Shell.RunAsync("ip", ["-batch", "-"], $"""
            link set {_device} nomaster
            link set {_device} down
            link set {_device} name {_port}
            link set {_port} master {_bridge} up
            link del {_wire}

            """);
    }

    // One direction: what has come waits for its time, and what is due is sent.
    private void Carry(TapDevice from, TapDevice to)
    {
        var random = new Random();
        var waiting = new PriorityQueue<(byte[] Frame, long Number), long>();
        byte[] buffer = new byte[FrameBytesLimit];
        long number = 0, lastSent = 0, lastDue = 0;
        while (!_isRemoved)
        {
            int length = from.Read(buffer, WaitFor(waiting));
            if (length > 0 && waiting.Count < QueueLimit)
            {
                long due = Stopwatch.GetTimestamp() + Ticks(_behaviour.Delay) + (long)(Ticks(_behaviour.Jitter) * random.NextDouble());
                if (!_behaviour.MayOvertake)
                    due = lastDue = Math.Max(due, lastDue);
                byte[] frame = buffer[..length];
                waiting.Enqueue((frame, ++number), due);
                Interlocked.Increment(ref _frames);
                if (random.Next(100) < _behaviour.DuplicatePercent)
                {
                    waiting.Enqueue((frame, number), due + (Stopwatch.Frequency / 1000));
                    Interlocked.Increment(ref _duplicates);
                }
            }
            while (waiting.TryPeek(out var next, out long at) && at <= Stopwatch.GetTimestamp())
            {
                waiting.Dequeue();
                to.Write(next.Frame);
                if (next.Number < lastSent)
                    Interlocked.Increment(ref _overtaken);
                lastSent = Math.Max(lastSent, next.Number);
            }
        }
    }

    private static int WaitFor(PriorityQueue<(byte[] Frame, long Number), long> waiting)
    {
        if (!waiting.TryPeek(out _, out long at))
            return WaitMilliseconds;
        long left = (at - Stopwatch.GetTimestamp()) * 1000 / Stopwatch.Frequency;
        return left < 0 ? 0 : (int)Math.Min(left + 1, WaitMilliseconds);
    }

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);
}
