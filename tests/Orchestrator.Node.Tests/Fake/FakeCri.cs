using System.Collections.Concurrent;
using Google.Protobuf;
using KvStore.Grpc;
using Orchestrator.Cri.V1;
using Orchestrator.Runtime.Kubelet.Cri.Grpc;

namespace Orchestrator.Node.Tests.Fake;

/// <summary>A runtime of messages alone, on a Unix socket: it notes what it is asked and answers what the test has told it to.</summary>
internal sealed class FakeCri : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fake-cri-").FullName;
    private readonly ConcurrentDictionary<string, Func<IMessage, object>> _answers = new();
    private readonly GrpcHost _host;

    private FakeCri()
    {
        var runtime = new GrpcServiceBinder(CriMethods.RuntimeService)
            .Unary<VersionRequest, VersionResponse>("Version", Answer<VersionRequest, VersionResponse>)
            .Unary<StatusRequest, StatusResponse>("Status", Answer<StatusRequest, StatusResponse>)
            .Unary<UpdateRuntimeConfigRequest, UpdateRuntimeConfigResponse>("UpdateRuntimeConfig", Answer<UpdateRuntimeConfigRequest, UpdateRuntimeConfigResponse>)
            .Unary<RunPodSandboxRequest, RunPodSandboxResponse>("RunPodSandbox", Answer<RunPodSandboxRequest, RunPodSandboxResponse>)
            .Unary<StopPodSandboxRequest, StopPodSandboxResponse>("StopPodSandbox", Answer<StopPodSandboxRequest, StopPodSandboxResponse>)
            .Unary<ListPodSandboxRequest, ListPodSandboxResponse>("ListPodSandbox", Answer<ListPodSandboxRequest, ListPodSandboxResponse>)
            .Unary<PodSandboxStatusRequest, PodSandboxStatusResponse>("PodSandboxStatus", Answer<PodSandboxStatusRequest, PodSandboxStatusResponse>)
            .Unary<CreateContainerRequest, CreateContainerResponse>("CreateContainer", Answer<CreateContainerRequest, CreateContainerResponse>)
            .Unary<StartContainerRequest, StartContainerResponse>("StartContainer", Answer<StartContainerRequest, StartContainerResponse>)
            .Unary<StopContainerRequest, StopContainerResponse>("StopContainer", Answer<StopContainerRequest, StopContainerResponse>)
            .Unary<RemoveContainerRequest, RemoveContainerResponse>("RemoveContainer", Answer<RemoveContainerRequest, RemoveContainerResponse>)
            .Unary<ListContainersRequest, ListContainersResponse>("ListContainers", Answer<ListContainersRequest, ListContainersResponse>)
            .Unary<ContainerStatusRequest, ContainerStatusResponse>("ContainerStatus", Answer<ContainerStatusRequest, ContainerStatusResponse>)
            .Unary<UpdateContainerResourcesRequest, UpdateContainerResourcesResponse>(
                "UpdateContainerResources", Answer<UpdateContainerResourcesRequest, UpdateContainerResourcesResponse>)
            .Unary<ListContainerStatsRequest, ListContainerStatsResponse>("ListContainerStats", Answer<ListContainerStatsRequest, ListContainerStatsResponse>)
            .Unary<ExecSyncRequest, ExecSyncResponse>("ExecSync", Answer<ExecSyncRequest, ExecSyncResponse>)
            .ServerStreaming<GetEventsRequest, ContainerEventResponse>("GetContainerEvents", StreamEventsAsync);
        var images = new GrpcServiceBinder(CriMethods.ImageService)
            .Unary<ListImagesRequest, ListImagesResponse>("ListImages", Answer<ListImagesRequest, ListImagesResponse>)
            .Unary<ImageStatusRequest, ImageStatusResponse>("ImageStatus", Answer<ImageStatusRequest, ImageStatusResponse>)
            .Unary<PullImageRequest, PullImageResponse>("PullImage", Answer<PullImageRequest, PullImageResponse>)
            .Unary<RemoveImageRequest, RemoveImageResponse>("RemoveImage", Answer<RemoveImageRequest, RemoveImageResponse>)
            .Unary<ImageFsInfoRequest, ImageFsInfoResponse>("ImageFsInfo", Answer<ImageFsInfoRequest, ImageFsInfoResponse>);
        string socket = Path.Combine(_folder, "cri.sock");
        _host = new GrpcHost(new GrpcServer([runtime, images]), new GrpcHostOptions { Endpoints = [GrpcListenEndpoint.Unix(socket)] });
        Options = new CriOptions { Socket = socket, RelistInterval = TimeSpan.FromMilliseconds(50) };
        Connection = new CriConnection(Options);
        Runtime = new CriContainerRuntime(Connection);
        Images = new CriImageService(Connection);
    }

    public CriOptions Options { get; }

    public CriConnection Connection { get; }

    public CriContainerRuntime Runtime { get; }

    public CriImageService Images { get; }

    /// <summary>What was asked, oldest first.</summary>
    public ConcurrentQueue<IMessage> Asked { get; } = new();

    /// <summary>What the stream of events tells; null: this runtime has none.</summary>
    public System.Threading.Channels.Channel<ContainerEventResponse>? Events { get; set; }

    public static async Task<FakeCri> StartAsync()
    {
        var fake = new FakeCri();
        await fake._host.StartAsync();
        return fake;
    }

    /// <summary>From now on requests of this kind get this answer; without one they get an empty message.</summary>
    public void On<TRequest>(Func<TRequest, IMessage> answer) where TRequest : IMessage =>
        _answers[typeof(TRequest).Name] = request => answer((TRequest)request);

    public void Refuse<TRequest>(StatusCode code, string text) where TRequest : IMessage =>
        _answers[typeof(TRequest).Name] = _ => throw new RpcException(code, text);

    public T Last<T>() where T : IMessage => Asked.OfType<T>().Last();

    public int Count<T>() where T : IMessage => Asked.OfType<T>().Count();

    public async ValueTask DisposeAsync()
    {
        Connection.Dispose();
        Events?.Writer.TryComplete();
        await _host.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private ValueTask<TResponse> Answer<TRequest, TResponse>(TRequest request, ServerCallContext context)
        where TRequest : IMessage
        where TResponse : IMessage, new()
    {
        Asked.Enqueue(request);
        return new ValueTask<TResponse>(_answers.TryGetValue(typeof(TRequest).Name, out var answer) ? (TResponse)answer(request) : new TResponse());
    }

    private async Task StreamEventsAsync(GetEventsRequest request, IServerStreamWriter<ContainerEventResponse> responses, ServerCallContext context)
    {
        if (Events is not { } events)
            throw new RpcException(StatusCode.Unimplemented, "method GetContainerEvents not implemented");
        Asked.Enqueue(request);
        await foreach (ContainerEventResponse told in events.Reader.ReadAllAsync(context.CancellationToken))
            await responses.WriteAsync(told);
    }
}
