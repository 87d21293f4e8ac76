using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Scheduling;

namespace Orchestrator.Runtime.Tests.Scheduling;

public sealed class SchedulerInboxTests
{
    private readonly SchedulerInbox _inbox = new();
    private readonly List<string> _taken = [];

    [Fact]
    public void Changes_of_an_object_that_wait_are_one_change()
    {
        Change(null, Of("a", "1"));
        Change(Of("b", "1"), Of("b", "2"));
        _inbox.Post(() => _taken.Add("something else"));
        for (int i = 1; i < 1000; i++)
            Change(Of("a", $"{i}"), Of("a", $"{i + 1}"));
        Change(Of("b", "2"), null);

        Assert.Equal(3, _inbox.Count);
        TakeAll();
        Assert.Equal(["none -> a1000", "b1 -> none", "something else"], _taken);
    }

    [Fact]
    public void What_came_and_went_unseen_has_not_been()
    {
        Change(null, Of("a", "1"));
        Change(Of("a", "1"), null);

        TakeAll();

        Assert.Empty(_taken);
    }

    [Fact]
    public void One_of_the_same_name_is_another_object()
    {
        Change(Of("a", "1", uid: "old"), null);
        Change(null, Of("a", "2", uid: "new"));

        TakeAll();

        Assert.Equal(["a1 -> none", "none -> a2"], _taken);
    }

    [Fact]
    public async Task Who_waits_is_woken_by_what_comes()
    {
        var waiting = _inbox.WaitAsync(CancellationToken.None);
        Assert.False(waiting.IsCompleted);

        Change(null, Of("a", "1"));
        await waiting;

        TakeAll();
        Assert.Equal(["none -> a1"], _taken);
    }

    private void Change(Node? old, Node? now) => _inbox.Change(old, now, (before, after) => _taken.Add($"{Text(before)} -> {Text(after)}"));

    private void TakeAll()
    {
        while (_inbox.TryTake(out var act))
            act();
    }

    private static Node Of(string name, string version, string uid = "u") =>
        new() { Metadata = new ObjectMeta { Name = name, Uid = uid, ResourceVersion = version } };

    private static string Text(Node? node) => node is null ? "none" : node.Name + node.ResourceVersion;
}
