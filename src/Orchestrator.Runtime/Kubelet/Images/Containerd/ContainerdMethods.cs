using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using KvStore.Grpc;
using Orchestrator.Cri.Containerd.Content;
using Orchestrator.Cri.Containerd.Diff;
using Orchestrator.Cri.Containerd.Images;
using Orchestrator.Cri.Containerd.Leases;
using Orchestrator.Cri.Containerd.Snapshots;

namespace Orchestrator.Runtime.Kubelet.Images.Containerd;

/// <summary>What is asked of containerd beside the container runtime interface.</summary>
internal static class ContainerdMethods
{
    private static readonly ServiceDescriptor ContentService = ContentReflection.Descriptor.FindTypeByName<ServiceDescriptor>("Content");
    private static readonly ServiceDescriptor ImagesService = ImagesReflection.Descriptor.FindTypeByName<ServiceDescriptor>("Images");
    private static readonly ServiceDescriptor LeasesService = LeasesReflection.Descriptor.FindTypeByName<ServiceDescriptor>("Leases");
    private static readonly ServiceDescriptor SnapshotsService = SnapshotsReflection.Descriptor.FindTypeByName<ServiceDescriptor>("Snapshots");
    private static readonly ServiceDescriptor DiffService = DiffReflection.Descriptor.FindTypeByName<ServiceDescriptor>("Diff");

    public static readonly Method<InfoRequest, InfoResponse> ContentInfo = ContentService.Method<InfoRequest, InfoResponse>("Info");
    public static readonly Method<UpdateRequest, UpdateResponse> ContentUpdate = ContentService.Method<UpdateRequest, UpdateResponse>("Update");
    public static readonly Method<WriteContentRequest, WriteContentResponse> ContentWrite =
        ContentService.Method<WriteContentRequest, WriteContentResponse>("Write");

    public static readonly Method<ListImagesRequest, ListImagesResponse> ImagesList = ImagesService.Method<ListImagesRequest, ListImagesResponse>("List");
    public static readonly Method<CreateImageRequest, CreateImageResponse> ImagesCreate =
        ImagesService.Method<CreateImageRequest, CreateImageResponse>("Create");
    public static readonly Method<UpdateImageRequest, UpdateImageResponse> ImagesUpdate =
        ImagesService.Method<UpdateImageRequest, UpdateImageResponse>("Update");

    public static readonly Method<CreateRequest, CreateResponse> LeasesCreate = LeasesService.Method<CreateRequest, CreateResponse>("Create");
    public static readonly Method<DeleteRequest, Empty> LeasesDelete = LeasesService.Method<DeleteRequest, Empty>("Delete");
    public static readonly Method<AddResourceRequest, Empty> LeasesAddResource = LeasesService.Method<AddResourceRequest, Empty>("AddResource");

    public static readonly Method<PrepareSnapshotRequest, PrepareSnapshotResponse> SnapshotsPrepare =
        SnapshotsService.Method<PrepareSnapshotRequest, PrepareSnapshotResponse>("Prepare");
    public static readonly Method<CommitSnapshotRequest, Empty> SnapshotsCommit = SnapshotsService.Method<CommitSnapshotRequest, Empty>("Commit");
    public static readonly Method<RemoveSnapshotRequest, Empty> SnapshotsRemove = SnapshotsService.Method<RemoveSnapshotRequest, Empty>("Remove");
    public static readonly Method<StatSnapshotRequest, StatSnapshotResponse> SnapshotsStat =
        SnapshotsService.Method<StatSnapshotRequest, StatSnapshotResponse>("Stat");

    public static readonly Method<ApplyRequest, ApplyResponse> DiffApply = DiffService.Method<ApplyRequest, ApplyResponse>("Apply");
}
