namespace Orchestrator.Node.Tests.Live;

/// <summary>One containerd for all tests that leave it as they found it; started by the first that runs.</summary>
public sealed class ContainerdFixture : IAsyncLifetime
{
    private Task<RealContainerd>? _started;

    /// <summary>Tests of a collection run one after another.</summary>
    public Task<RealContainerd> GetAsync() => _started ??= RealContainerd.StartAsync();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_started is { IsCompletedSuccessfully: true })
            await (await _started).DisposeAsync();
    }
}

[CollectionDefinition(Name)]
public sealed class ContainerdCollection : ICollectionFixture<ContainerdFixture>
{
    public const string Name = "containerd";
}
