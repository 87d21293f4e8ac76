using Google.Protobuf.Reflection;
using KvStore.Grpc;
using Orchestrator.Cri.V1;

namespace Orchestrator.Runtime.Kubelet.Cri.Grpc;

/// <summary>The methods of the container runtime interface that a kubelet calls.</summary>
internal static class CriMethods
{
    public static readonly ServiceDescriptor RuntimeService = CriReflection.Descriptor.FindTypeByName<ServiceDescriptor>("RuntimeService");
    public static readonly ServiceDescriptor ImageService = CriReflection.Descriptor.FindTypeByName<ServiceDescriptor>("ImageService");

    public static readonly Method<VersionRequest, VersionResponse> Version = Runtime<VersionRequest, VersionResponse>("Version");
    public static readonly Method<StatusRequest, StatusResponse> Status = Runtime<StatusRequest, StatusResponse>("Status");
    public static readonly Method<RuntimeConfigRequest, RuntimeConfigResponse> RuntimeConfig =
        Runtime<RuntimeConfigRequest, RuntimeConfigResponse>("RuntimeConfig");
    public static readonly Method<UpdateRuntimeConfigRequest, UpdateRuntimeConfigResponse> UpdateRuntimeConfig =
        Runtime<UpdateRuntimeConfigRequest, UpdateRuntimeConfigResponse>("UpdateRuntimeConfig");

    public static readonly Method<RunPodSandboxRequest, RunPodSandboxResponse> RunPodSandbox =
        Runtime<RunPodSandboxRequest, RunPodSandboxResponse>("RunPodSandbox");
    public static readonly Method<StopPodSandboxRequest, StopPodSandboxResponse> StopPodSandbox =
        Runtime<StopPodSandboxRequest, StopPodSandboxResponse>("StopPodSandbox");
    public static readonly Method<RemovePodSandboxRequest, RemovePodSandboxResponse> RemovePodSandbox =
        Runtime<RemovePodSandboxRequest, RemovePodSandboxResponse>("RemovePodSandbox");
    public static readonly Method<PodSandboxStatusRequest, PodSandboxStatusResponse> PodSandboxStatus =
        Runtime<PodSandboxStatusRequest, PodSandboxStatusResponse>("PodSandboxStatus");
    public static readonly Method<ListPodSandboxRequest, ListPodSandboxResponse> ListPodSandbox =
        Runtime<ListPodSandboxRequest, ListPodSandboxResponse>("ListPodSandbox");

    public static readonly Method<CreateContainerRequest, CreateContainerResponse> CreateContainer =
        Runtime<CreateContainerRequest, CreateContainerResponse>("CreateContainer");
    public static readonly Method<StartContainerRequest, StartContainerResponse> StartContainer =
        Runtime<StartContainerRequest, StartContainerResponse>("StartContainer");
    public static readonly Method<StopContainerRequest, StopContainerResponse> StopContainer =
        Runtime<StopContainerRequest, StopContainerResponse>("StopContainer");
    public static readonly Method<RemoveContainerRequest, RemoveContainerResponse> RemoveContainer =
        Runtime<RemoveContainerRequest, RemoveContainerResponse>("RemoveContainer");
    public static readonly Method<ListContainersRequest, ListContainersResponse> ListContainers =
        Runtime<ListContainersRequest, ListContainersResponse>("ListContainers");
    public static readonly Method<ContainerStatusRequest, ContainerStatusResponse> ContainerStatus =
        Runtime<ContainerStatusRequest, ContainerStatusResponse>("ContainerStatus");
    public static readonly Method<UpdateContainerResourcesRequest, UpdateContainerResourcesResponse> UpdateContainerResources =
        Runtime<UpdateContainerResourcesRequest, UpdateContainerResourcesResponse>("UpdateContainerResources");
    public static readonly Method<ReopenContainerLogRequest, ReopenContainerLogResponse> ReopenContainerLog =
        Runtime<ReopenContainerLogRequest, ReopenContainerLogResponse>("ReopenContainerLog");
    public static readonly Method<ListContainerStatsRequest, ListContainerStatsResponse> ListContainerStats =
        Runtime<ListContainerStatsRequest, ListContainerStatsResponse>("ListContainerStats");
    public static readonly Method<GetEventsRequest, ContainerEventResponse> GetContainerEvents =
        Runtime<GetEventsRequest, ContainerEventResponse>("GetContainerEvents");

    public static readonly Method<ExecSyncRequest, ExecSyncResponse> ExecSync = Runtime<ExecSyncRequest, ExecSyncResponse>("ExecSync");
    public static readonly Method<ExecRequest, ExecResponse> Exec = Runtime<ExecRequest, ExecResponse>("Exec");
    public static readonly Method<AttachRequest, AttachResponse> Attach = Runtime<AttachRequest, AttachResponse>("Attach");
    public static readonly Method<PortForwardRequest, PortForwardResponse> PortForward =
        Runtime<PortForwardRequest, PortForwardResponse>("PortForward");

    public static readonly Method<ListImagesRequest, ListImagesResponse> ListImages = Image<ListImagesRequest, ListImagesResponse>("ListImages");
    public static readonly Method<ImageStatusRequest, ImageStatusResponse> ImageStatus =
        Image<ImageStatusRequest, ImageStatusResponse>("ImageStatus");
    public static readonly Method<PullImageRequest, PullImageResponse> PullImage = Image<PullImageRequest, PullImageResponse>("PullImage");
    public static readonly Method<RemoveImageRequest, RemoveImageResponse> RemoveImage =
        Image<RemoveImageRequest, RemoveImageResponse>("RemoveImage");
    public static readonly Method<ImageFsInfoRequest, ImageFsInfoResponse> ImageFsInfo =
        Image<ImageFsInfoRequest, ImageFsInfoResponse>("ImageFsInfo");

    /// <summary>containerd's own stream of what happens, of which only is taken that something does.</summary>
    public static readonly Method<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> ContainerdEvents =
        new(MethodType.ServerStreaming, "containerd.services.events.v1.Events", "Subscribe", Marshallers.Bytes, Marshallers.Bytes);

    private static Method<TRequest, TResponse> Runtime<TRequest, TResponse>(string name) => RuntimeService.Method<TRequest, TResponse>(name);

    private static Method<TRequest, TResponse> Image<TRequest, TResponse>(string name) => ImageService.Method<TRequest, TResponse>(name);
}
