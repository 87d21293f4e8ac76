using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Events;
using Orchestrator.Runtime.Tests.Simulation;

namespace Orchestrator.Runtime.Tests.Events;

public sealed class EventRecorderTests : IDisposable
{
    private readonly VirtualWorld _world = new();
    private readonly FakeApiServer _server;
    private readonly EventRecorder _recorder;
    private readonly CancellationTokenSource _stop = new();

    public EventRecorderTests()
    {
        _server = new FakeApiServer(_world);
        _recorder = Start(new EventRecorderOptions { Component = "tester", Jitter = () => 0.5 });
    }

    public void Dispose()
    {
        _stop.Cancel();
        _world.Run(TimeSpan.FromSeconds(1));
        _stop.Dispose();
    }

    [Fact]
    public void An_event_says_who_did_what_to_which_object()
    {
        _recorder.Note(Pod("p"), EventRecorder.Normal, "Pulled", "image is here");
        Settle();

        var written = Assert.Single(_server.All<Event>());
        Assert.StartsWith("p.", written.Metadata.Name);
        Assert.Equal("default", written.Metadata.Namespace);
        Assert.Equal(("Pod", "p", "uid-p"), (written.InvolvedObject!.Kind, written.InvolvedObject.Name, written.InvolvedObject.Uid));
        Assert.Equal(("Normal", "Pulled", "image is here", 1), (written.Type, written.Reason, written.Message, written.Count));
        Assert.Equal(("tester", "tester"), (written.Source!.Component, written.ReportingComponent));
        Assert.Equal(VirtualWorld.Epoch, written.FirstTimestamp);
    }

    [Fact]
    public void The_same_again_is_counted()
    {
        for (int i = 0; i < 5; i++)
        {
            _recorder.Note(Pod("p"), EventRecorder.Warning, "BackOff", "again");
            _world.Run(TimeSpan.FromSeconds(10));
        }
        _recorder.Note(Pod("q"), EventRecorder.Warning, "BackOff", "again");
        Settle();

        var ofP = Assert.Single(_server.All<Event>(), one => one.InvolvedObject!.Name == "p");
        Assert.Equal(5, ofP.Count);
        Assert.Equal(VirtualWorld.Epoch, ofP.FirstTimestamp);
        Assert.Equal(VirtualWorld.Epoch.AddSeconds(40), ofP.LastTimestamp);
        Assert.Equal(2, _server.All<Event>().Count);
    }

    [Fact]
    public void Many_alike_with_different_messages_become_one()
    {
        for (int i = 0; i < 20; i++)
            _recorder.Note(Pod("p"), EventRecorder.Warning, "Failed", $"attempt {i}");
        Settle();

        var events = _server.All<Event>();
        Assert.Equal(10, events.Count);
        var combined = Assert.Single(events, one => one.Message!.StartsWith("(combined from similar events): ", StringComparison.Ordinal));
        Assert.Equal(11, combined.Count);
        Assert.Equal("(combined from similar events): attempt 19", combined.Message);
    }

    [Fact]
    public void Whoever_emits_too_much_about_one_object_is_cut_off_and_then_let_in_one_by_one()
    {
        for (int i = 0; i < 100; i++)
            _recorder.Note(Pod("p"), EventRecorder.Normal, $"Reason{i}", "m");
        _recorder.Note(Pod("q"), EventRecorder.Normal, "Reason", "m");
        Settle();
        Assert.Equal(25, _server.All<Event>().Count(one => one.InvolvedObject!.Name == "p"));
        Assert.Single(_server.All<Event>(), one => one.InvolvedObject!.Name == "q");

        _world.Run(TimeSpan.FromMinutes(6));
        _recorder.Note(Pod("p"), EventRecorder.Normal, "Later", "m");
        _recorder.Note(Pod("p"), EventRecorder.Normal, "Later2", "m");
        Settle();

        Assert.Equal(26, _server.All<Event>().Count(one => one.InvolvedObject!.Name == "p"));
    }

    [Fact]
    public void What_the_server_no_longer_has_is_written_anew_with_its_count()
    {
        _recorder.Note(Pod("p"), EventRecorder.Normal, "R", "m");
        Settle();
        var first = Assert.Single(_server.All<Event>());
        _server.Erase<Event>("default", first.Metadata.Name!);

        _recorder.Note(Pod("p"), EventRecorder.Normal, "R", "m");
        _recorder.Note(Pod("p"), EventRecorder.Normal, "R", "m");
        Settle();

        var anew = Assert.Single(_server.All<Event>());
        Assert.NotEqual(first.Metadata.Name, anew.Metadata.Name);
        Assert.Equal(3, anew.Count);
    }

    [Fact]
    public void A_fault_is_retried_and_a_refusal_is_not()
    {
        int faults = 3;
        _server.Intercept = _ => faults-- > 0 ? throw new TransportException("planted") : null;
        _recorder.Note(Pod("p"), EventRecorder.Normal, "R", "m");
        _world.Run(TimeSpan.FromMinutes(1));
        Assert.Single(_server.All<Event>());

        int requests = _server.Requests.Count;
        _server.Intercept = _ => new ApiResponse(403, """{"kind":"Status","code":403,"reason":"Forbidden"}"""u8.ToArray());
        _recorder.Note(Pod("q"), EventRecorder.Normal, "R", "m");
        Settle();

        Assert.Equal(requests + 1, _server.Requests.Count);
        Assert.Equal(1, _recorder.DroppedCount);
    }

    [Fact]
    public void A_full_queue_drops_and_nobody_waits()
    {
        _server.Intercept = _ => throw new TransportException("planted");
        var small = Start(new EventRecorderOptions { Component = "tester", QueueLimit = 10 });

        for (int i = 0; i < 100; i++)
            small.Note(Pod($"p{i}"), EventRecorder.Normal, "R", "m");

        Assert.Equal(90, small.DroppedCount);
    }

    private EventRecorder Start(EventRecorderOptions options)
    {
        var recorder = new EventRecorder(new ApiClient(_server, new ApiClientOptions { Time = _world.Time }), options);
        _world.Spawn(() => recorder.RunAsync(_stop.Token));
        return recorder;
    }

    private void Settle() => _world.RunUntil(() => _recorder.IsIdle, TimeSpan.FromMinutes(5));

    private static ObjectReference Pod(string name) =>
        new() { ApiVersion = "v1", Kind = "Pod", Namespace = "default", Name = name, Uid = $"uid-{name}" };
}
