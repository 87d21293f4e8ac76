using System.Collections.Concurrent;
using Orchestrator.Runtime.Hollow;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Tests.Nodes;

public sealed class PullTurnTests : IAsyncLifetime
{
    private readonly FakeKubeletApi _api = new();
    private readonly SteppedTime _clock = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly SlowImages _images = new();
    private KubeletServices? _services;
    private Kubelet.Kubelet? _kubelet;
    private Task _following = Task.CompletedTask;

    public async Task InitializeAsync()
    {
        _services = new KubeletServices(_api, _clock);
        var runtime = new PretendRuntime(new HollowOptions { StartDelay = TimeSpan.Zero }, _services.Alarms, 0);
        _kubelet = new Kubelet.Kubelet(
            new KubeletOptions { NodeName = "hollow", NodeIp = "127.0.0.1", PullsAtOnce = 2 }, _services, runtime, _images, runtime);
        await _kubelet.StartAsync(CancellationToken.None);
        _following = Task.Run(() => _kubelet.FollowAsync(_stopping.Token));
    }

    public async Task DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _following.ContinueWith(_ => { }, TaskScheduler.Default);
        await _kubelet!.DisposeAsync();
        await _services!.DisposeAsync();
    }

    [Fact]
    public async Task A_few_images_are_pulled_at_once_and_one_that_fails_gives_its_turn_to_the_next()
    {
        foreach (string name in (string[])["a", "b", "c"])
            _api.Bind(HollowCluster.NewPod(name, pod => pod.Spec.Containers![0].Image = $"registry/{name}:1"));
        await HollowCluster.UntilAsync(() => _api.Events.Count(told => told.Reason == "Pulling") == 3, "all three want their image");
        await HollowCluster.UntilAsync(() => _images.Pulls.Count == 2, "two are pulled");
        await SteppedTime.LetOthersRunAsync();
        string[] first = [.. _images.Pulls.Keys];

        _images.Pulls[first[0]].SetException(new CriException("as the test wants it"));
        await HollowCluster.UntilAsync(() => _images.Pulls.Count == 3, "the third is pulled");
        foreach (string image in _images.Pulls.Keys.Where(image => image != first[0]))
            _images.Pulls[image].SetResult(new RuntimeImage(image, [image], 1));
        await HollowCluster.UntilAsync(() => _api.Events.Count(told => told.Reason == "Pulled") == 2, "the others are there");

        Assert.Equal(2, first.Length);
    }

    private sealed class SlowImages : IImageService
    {
        public ConcurrentDictionary<string, TaskCompletionSource<RuntimeImage>> Pulls { get; } = [];

        public Task<IReadOnlyList<RuntimeImage>> ListImagesAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<RuntimeImage>>([]);

        public Task<RuntimeImage?> ImageStatusAsync(string image, CancellationToken ct) => Task.FromResult<RuntimeImage?>(null);

        public Task<RuntimeImage> PullImageAsync(string image, RegistryCredentials? credentials, PodSandboxConfig sandbox, CancellationToken ct) =>
            Pulls.GetOrAdd(image, _ => new TaskCompletionSource<RuntimeImage>(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

        public Task RemoveImageAsync(string image, CancellationToken ct) => Task.CompletedTask;
    }
}
