using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.StorageV1;
using Orchestrator.Control.Storage;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Tests.Simulation;

namespace Orchestrator.Runtime.Tests.Client;

/// <summary>What a cluster has from its first start on.</summary>
public sealed class FirstObjectsTests
{
    private readonly VirtualWorld _world = new();
    private readonly FakeApiServer _server;

    public FirstObjectsTests() => _server = new FakeApiServer(_world);

    [Fact]
    public void A_cluster_has_a_default_storage_class_from_its_first_start_on()
    {
        Start();

        var made = Assert.Single(_server.All<StorageClass>());
        Assert.Equal(("local-path", "WaitForFirstConsumer", "Delete"), (made.Name, made.VolumeBindingMode, made.ReclaimPolicy));
        Assert.True(StorageNames.IsDefault(made));
    }

    [Fact]
    public void Who_deletes_or_changes_it_keeps_their_will_over_later_starts()
    {
        Start();
        _server.Erase<StorageClass>("", "local-path");

        Start();

        Assert.Empty(_server.All<StorageClass>());
    }

    [Fact]
    public void A_class_of_that_name_that_is_there_is_left_alone()
    {
        _server.Put(SimulatedObjects.StorageClass("local-path", "rancher.io/local-path"));

        Start();
        Start();

        Assert.Equal("rancher.io/local-path", Assert.Single(_server.All<StorageClass>()).Provisioner);
    }

    [Fact]
    public void Where_there_is_a_default_class_ours_is_not_another_one()
    {
        var own = SimulatedObjects.StorageClass("fast", "example.com/x");
        own.Metadata.Annotations = new() { [StorageNames.DefaultClass] = "true" };
        _server.Put(own);

        Start();

        Assert.Equal(["fast"], _server.All<StorageClass>().Where(StorageNames.IsDefault).Select(found => found.Name));
        Assert.Equal(2, _server.All<StorageClass>().Count);
    }

    [Fact]
    public void A_start_that_was_cut_off_is_made_whole_by_the_next()
    {
        int creates = 0;
        _server.Intercept = request => request.PathAndQuery.Contains("/configmaps", StringComparison.Ordinal) && request.Method == HttpMethod.Post && creates++ == 0
            ? new ApiResponse(500, """{"kind":"Status","code":500,"reason":"InternalError"}"""u8.ToArray())
            : null;

        Start();
        int before = _server.All<ConfigMap>().Count;
        Start();

        Assert.Equal((0, 1), (before, _server.All<ConfigMap>().Count));
        Assert.Single(_server.All<StorageClass>());
    }

    private void Start() => _world.Await(() => FirstObjects.EnsureAsync(
        new ApiClient(_server, new ApiClientOptions { Time = _world.Time }), NullLogger.Instance, CancellationToken.None));
}
