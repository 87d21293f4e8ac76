using KvStore.Raft;
using KvStore.Server.Peers.Outgoing;

namespace KvStore.Server.Tests.Peers;

public class SendQueueTests
{
    private static Message App(ulong index, int bytes = 10) => new()
    {
        Type = MessageType.App, Index = index, Entries = new[] { new Entry(1, index + 1, EntryType.Normal, new byte[bytes]) },
    };

    private static Message Heartbeat(ulong commit) => new() { Type = MessageType.Heartbeat, Commit = commit };

    private static List<string> Drain(SendQueue queue)
    {
        var taken = new List<string>();
        while (queue.TryTake(out var message))
            taken.Add($"{message.Type} {message.Index + message.Commit}");
        return taken;
    }

    [Fact]
    public void Small_messages_overtake_entries_and_each_lane_keeps_its_order()
    {
        var queue = new SendQueue(limit: 10, limitBytes: 1000);
        foreach (var message in new[] { App(1), Heartbeat(2), App(3), Heartbeat(4) })
            Assert.True(queue.TryAdd(message));

        Assert.Equal(["Heartbeat 2", "Heartbeat 4", "App 1", "App 3"], Drain(queue));
    }

    [Fact]
    public void An_App_without_entries_stays_behind_those_with()
    {
        var queue = new SendQueue(limit: 10, limitBytes: 1000);
        queue.TryAdd(App(1));
        queue.TryAdd(new Message { Type = MessageType.App, Index = 2 });

        Assert.Equal(["App 1", "App 2"], Drain(queue));
    }

    [Fact]
    public void Each_lane_holds_so_many_messages()
    {
        var queue = new SendQueue(limit: 2, limitBytes: 1000);

        Assert.Equal([true, true, false], new[] { App(1), App(2), App(3) }.Select(queue.TryAdd));
        Assert.Equal([true, true, false], new[] { Heartbeat(1), Heartbeat(2), Heartbeat(3) }.Select(queue.TryAdd));
        Assert.Equal(4, Drain(queue).Count);
        Assert.True(queue.TryAdd(App(4)));
    }

    [Fact]
    public void So_many_bytes_of_entries_are_held_but_at_least_one_message()
    {
        var queue = new SendQueue(limit: 10, limitBytes: 100);

        Assert.True(queue.TryAdd(App(1, 60)));
        Assert.False(queue.TryAdd(App(2, 60)));
        Assert.True(queue.TryAdd(App(3, 40)));
        Drain(queue);
        Assert.True(queue.TryAdd(App(4, 5000)));
        Assert.False(queue.TryAdd(App(5, 1)));
    }

    [Fact]
    public void Where_only_the_newest_count_older_ones_make_room()
    {
        var queue = new SendQueue(limit: 10, limitBytes: 100);

        Assert.Equal([true, true, false], new[] { Heartbeat(1), Heartbeat(2), Heartbeat(3) }.Select(message => queue.TryAddNewest(message, 2)));
        Assert.Equal(["Heartbeat 2", "Heartbeat 3"], Drain(queue));
    }
}
