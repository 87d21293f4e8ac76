using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Histories;
using KvStore.Crash.Tests.Processes;

namespace KvStore.Crash.Tests.Wire;

/// <summary>A member that is fed with nonsense, while a bystander works with it and must notice nothing.</summary>
public sealed class LiveMember : IAsyncLifetime
{
    private const int StepsPerCase = 5;

    private readonly TemporaryDirectory _directory = new();
    private readonly Chronicle _chronicle = new();
    private readonly SemaphoreSlim _steps = new(0);
    private MemberProcess _member = null!;
    private EtcdClient _bystander = null!;
    private Task _working = Task.CompletedTask;
    private volatile bool _isOver;

    public string Url => _member.Url;

    public async Task InitializeAsync()
    {
        _member = await MemberProcess.StartAsync(_directory.At("data"));
        _bystander = new EtcdClient(Url);
        _working = Task.Run(WorkAsync);
    }

    /// <summary>The member lives, has nothing to complain of in its log, and serves the bystander and a newcomer.</summary>
    internal async Task AssertUndisturbedAsync()
    {
        // Steps of before do not count.
        while (_steps.Wait(0))
            Assert.False(_isOver);
        for (int step = 0; step < StepsPerCase; step++)
        {
            var next = _steps.WaitAsync(Limits.Patience);
            if (await Task.WhenAny(next, _working) == _working)
                await _working;
            Assert.True(await next);
        }
        using var newcomer = new EtcdClient(Url);
        Assert.Equal(1, (await newcomer.GetAsync("bystander")).Count);
        Assert.False(_member.HasExited);
        Assert.DoesNotContain(_member.Log.Lines, line => line.Contains("\"level\":\"error\"") || line.Contains("\"level\":\"fatal\""));
    }

    public async Task DisposeAsync()
    {
        _isOver = true;
        await _working.WaitAsync(Limits.Patience);
        _bystander.Dispose();
        await _member.DisposeAsync();
        _directory.Dispose();
    }

    private async Task WorkAsync()
    {
        for (int step = 1; !_isOver; step++)
        {
            long revision = (await _bystander.PutAsync("bystander", $"step {step}")).Header.Revision;
            Assert.Equal($"step {step}", (await _bystander.GetAsync("bystander")).Kvs.Single().Value.ToStringUtf8());
            await new WatchReader(_bystander, _chronicle, "the bystander", revision).ReadAsync(revision);
            _steps.Release();
        }
    }
}
