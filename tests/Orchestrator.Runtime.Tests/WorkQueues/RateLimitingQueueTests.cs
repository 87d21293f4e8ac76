using Orchestrator.Runtime.Tests.Simulation;
using Orchestrator.Runtime.WorkQueues;

namespace Orchestrator.Runtime.Tests.WorkQueues;

public sealed class RateLimitingQueueTests : IDisposable
{
    private readonly VirtualWorld _world = new();
    private readonly RateLimitingQueue<string> _queue;

    public RateLimitingQueueTests() => _queue = new RateLimitingQueue<string>(_world.Time);

    public void Dispose() => _queue.Dispose();

    [Fact]
    public void A_key_that_is_added_twice_is_handed_out_once()
    {
        _queue.Add("a");
        _queue.Add("a");

        Assert.Equal("a", Take());
        Assert.False(_queue.TryTake(out _));
    }

    [Fact]
    public void A_key_added_while_it_is_processed_comes_again_after_it_is_done_and_not_before()
    {
        _queue.Add("a");
        string key = Take();

        _queue.Add("a");
        bool isHandedOutTwice = _queue.TryTake(out _);
        _queue.Done(key);

        Assert.False(isHandedOutTwice);
        Assert.Equal("a", Take());
    }

    [Fact]
    public void Keys_come_in_the_order_in_which_they_were_added()
    {
        foreach (string key in (string[])["c", "a", "b"])
            _queue.Add(key);

        Assert.Equal(["c", "a", "b"], [Take(), Take(), Take()]);
    }

    [Fact]
    public void A_delayed_key_comes_when_it_is_due()
    {
        _queue.AddAfter("a", TimeSpan.FromSeconds(10));

        _world.Run(TimeSpan.FromSeconds(9.9));
        bool isEarly = _queue.TryTake(out _);
        _world.Run(TimeSpan.FromSeconds(0.2));

        Assert.False(isEarly);
        Assert.Equal("a", Take());
    }

    [Fact]
    public void A_key_that_waits_already_keeps_the_earlier_time()
    {
        _queue.AddAfter("a", TimeSpan.FromSeconds(1));
        _queue.AddAfter("a", TimeSpan.FromSeconds(50));
        _queue.AddAfter("b", TimeSpan.FromSeconds(50));
        _queue.AddAfter("b", TimeSpan.FromSeconds(1));

        _world.Run(TimeSpan.FromSeconds(2));
        Assert.Equal(["a", "b"], [Take(), Take()]);
        _queue.Done("a");
        _queue.Done("b");

        _world.Run(TimeSpan.FromSeconds(100));
        Assert.False(_queue.TryTake(out _));
    }

    [Fact]
    public void Back_off_doubles_from_5_ms_to_1000_s_and_starts_anew_when_forgotten()
    {
        var backoff = new ItemBackoff<string>();

        var delays = Enumerable.Range(0, 20).Select(_ => backoff.Next("a")).ToList();

        Assert.Equal([5, 10, 20, 40], delays.Take(4).Select(delay => delay.TotalMilliseconds));
        Assert.Equal(TimeSpan.FromSeconds(1000), delays[18]);
        Assert.Equal(20, backoff.FailureCount("a"));
        backoff.Forget("a");
        Assert.Equal(TimeSpan.FromMilliseconds(5), backoff.Next("a"));
        Assert.Equal(TimeSpan.FromMilliseconds(5), backoff.Next("b"));
    }

    [Fact]
    public void A_rate_limited_key_comes_after_its_back_off()
    {
        _queue.AddRateLimited("a");
        Assert.False(_queue.TryTake(out _));

        _world.Run(TimeSpan.FromMilliseconds(6));

        Assert.Equal("a", Take());
        Assert.Equal(1, _queue.RequeueCount("a"));
    }

    [Fact]
    public void Who_waits_is_woken_by_a_key_and_by_the_shut_down()
    {
        var first = _world.Start(() => _queue.WaitToTakeAsync().AsTask());
        _queue.Add("a");
        bool found = _world.Await(first);
        Take();
        var second = _world.Start(() => _queue.WaitToTakeAsync().AsTask());

        _queue.ShutDown();

        Assert.True(found);
        Assert.False(_world.Await(second));
    }

    [Fact]
    public void A_cancelled_waiter_takes_no_wake_up_with_it()
    {
        using var cancellation = new CancellationTokenSource();
        var cancelled = _world.Start(() => _queue.WaitToTakeAsync(cancellation.Token).AsTask());
        var waiting = _world.Start(() => _queue.WaitToTakeAsync().AsTask());
        cancellation.Cancel();

        _queue.Add("a");

        Assert.True(_world.Await(waiting));
        Assert.Throws<TaskCanceledException>(() => _world.Await(cancelled));
    }

    [Fact]
    public void After_the_shut_down_what_is_queued_is_still_handed_out_and_nothing_is_taken_in()
    {
        _queue.Add("a");
        _queue.AddAfter("c", TimeSpan.FromSeconds(1));
        _queue.ShutDown();
        _queue.Add("b");

        bool hasMore = _world.Await(() => _queue.WaitToTakeAsync().AsTask());
        string taken = Take();
        _world.Run(TimeSpan.FromSeconds(5));

        Assert.True(hasMore);
        Assert.Equal("a", taken);
        Assert.False(_queue.TryTake(out _));
    }

    [Fact]
    public void A_shut_down_with_drain_waits_for_what_is_being_processed()
    {
        _queue.Add("a");
        Take();
        var drained = _queue.ShutDownWithDrainAsync();
        _world.Run(TimeSpan.FromSeconds(1));
        bool isEarly = drained.IsCompleted;

        _queue.Done("a");
        _world.Await(drained);

        Assert.False(isEarly);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Against_a_slow_obvious_model_no_key_is_lost_and_none_is_with_two_workers(int seed)
    {
        var random = new Random(seed);
        var wanted = new HashSet<string>();
        var inHand = new HashSet<string>();
        for (int step = 0; step < 5000; step++)
        {
            string key = $"k{random.Next(20)}";
            switch (random.Next(4))
            {
                case 0:
                    _queue.Add(key);
                    wanted.Add(key);
                    break;
                case 1:
                    _queue.AddAfter(key, TimeSpan.FromMilliseconds(random.Next(50)));
                    break;
                case 2 when _queue.TryTake(out string? taken):
                    Assert.True(inHand.Add(taken), $"{taken} is with two workers");
                    wanted.Remove(taken);
                    break;
                case 3 when inHand.Count > 0:
                    string done = inHand.ElementAt(random.Next(inHand.Count));
                    inHand.Remove(done);
                    _queue.Done(done);
                    break;
            }
            _world.Run(TimeSpan.FromMilliseconds(random.Next(3)));
        }
        foreach (string key in inHand)
            _queue.Done(key);
        _world.Run(TimeSpan.FromSeconds(1));
        while (_queue.TryTake(out string? left))
        {
            wanted.Remove(left);
            _queue.Done(left);
        }

        Assert.Empty(wanted);
        Assert.True(_queue.IsIdle);
    }

    private string Take()
    {
        Assert.True(_queue.TryTake(out string? key));
        return key!;
    }
}
