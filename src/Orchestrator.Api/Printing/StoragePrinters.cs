using Orchestrator.Api.CoreV1;
using Orchestrator.Api.StorageV1;
using static Orchestrator.Api.Printing.PrinterTable;

namespace Orchestrator.Api.Printing;

/// <summary>Tables of volumes, claims and of what provides them.</summary>
internal static class StoragePrinters
{
    private const string ClassAnnotation = "volume.beta.kubernetes.io/storage-class";
    private const string DefaultAnnotation = "storageclass.kubernetes.io/is-default-class";
    private const string OldDefaultAnnotation = "storageclass.beta.kubernetes.io/is-default-class";
    private const string AttributesDefaultAnnotation = "volumeattributesclass.alpha.kubernetes.io/is-default-class";

    public static IEnumerable<KeyValuePair<GroupVersionKind, TablePrinter>> All()
    {
        yield return Of<PersistentVolume>(
            ColumnSet.Named()
                .Text("Capacity", "How much the volume holds.")
                .Text("Access Modes", "How it may be used: by one node, by many, read-only.")
                .Text("Reclaim Policy", "What becomes of it when its claim goes.")
                .Text("Status", "Free, bound or released.")
                .Text("Claim", "The claim it is bound to.")
                .Text("StorageClass", "The class it belongs to.")
                .Text("VolumeAttributesClass", "The class of its attributes.")
                .Text("Reason", "Why it failed.")
                .Age()
                .Wide("VolumeMode", "File system or bare device."),
            VolumeCells);
        yield return Of<PersistentVolumeClaim>(
            ColumnSet.Named()
                .Text("Status", "Whether a volume was found.")
                .Text("Volume", "The volume it is bound to.")
                .Text("Capacity", "How much that volume holds.")
                .Text("Access Modes", "How that volume may be used.")
                .Text("StorageClass", "The class asked for.")
                .Text("VolumeAttributesClass", "The class of attributes asked for.")
                .Age()
                .Wide("VolumeMode", "File system or bare device."),
            ClaimCells);
        yield return Of<StorageClass>(
            ColumnSet.Named()
                .Text("Provisioner", "Who makes the volumes.")
                .Text("ReclaimPolicy", "What becomes of a volume when its claim goes.")
                .Text("VolumeBindingMode", "Whether a volume is made at once or for the first pod.")
                .Text("AllowVolumeExpansion", "Whether volumes may grow.")
                .Age(),
            (storage, now) =>
            [
                storage.Name + (IsDefault(storage) ? " (default)" : ""), storage.Provisioner ?? "",
                storage.ReclaimPolicy ?? "Delete", storage.VolumeBindingMode ?? "Immediate",
                storage.AllowVolumeExpansion ?? false, Age(storage, now),
            ]);
        yield return Of<VolumeAttributesClass>(
            ColumnSet.Named().Text("DriverName", "Whose attributes they are.").Age(),
            (attributes, now) =>
            [
                attributes.Name + (attributes.Annotations.GetValueOrDefault(AttributesDefaultAnnotation) == "true" ? " (default)" : ""),
                attributes.DriverName ?? "", Age(attributes, now),
            ]);
        yield return Of<VolumeAttachment>(
            ColumnSet.Named()
                .Add("Attacher", "Who attaches the volume.", format: "name")
                .Text("PV", "The volume.")
                .Text("Node", "The node it is attached to.")
                .Boolean("Attached", "Whether it is.")
                .Age(),
            (attachment, now) =>
            [
                attachment.Name, attachment.Spec.Attacher ?? "", attachment.Spec.Source?.PersistentVolumeName ?? "",
                attachment.Spec.NodeName ?? "", attachment.Status.Attached ?? false, Age(attachment, now),
            ]);
        yield return Of<CSINode>(
            ColumnSet.Named().Integer("Drivers", "How many drivers the node has.").Age(),
            (node, now) => [node.Name, (long)node.Spec.Drivers.OrEmpty().Count, Age(node, now)]);
        yield return Of<CSIDriver>(
            ColumnSet.Named()
                .Boolean("AttachRequired", "Whether volumes are attached before they are mounted.")
                .Boolean("PodInfoOnMount", "Whether the driver is told of the pod.")
                .Boolean("StorageCapacity", "Whether it tells how much room it has.")
                .Text("TokenRequests", "Audiences of the tokens it is given.")
                .Boolean("RequiresRepublish", "Whether it is asked again from time to time.")
                .Text("Modes", "Lasting volumes, or such as live with their pod.")
                .Age(),
            DriverCells);
        yield return Of<CSIStorageCapacity>(
            ColumnSet.Named()
                .Text("StorageClassName", "The class of the volumes.")
                .Text("Capacity", "How much room there is."),
            (capacity, _) => [capacity.Name, capacity.StorageClassName ?? "", capacity.Capacity?.ToString() ?? "<unset>"]);
    }

    private static object?[] VolumeCells(PersistentVolume volume, DateTimeOffset now)
    {
        var spec = volume.Spec;
        return
        [
            volume.Name, StorageOf(spec.Capacity), ModesOf(spec.AccessModes), spec.PersistentVolumeReclaimPolicy ?? "",
            volume.IsBeingDeleted ? "Terminating" : volume.Status.Phase ?? "",
            spec.ClaimRef is { } claim ? $"{claim.Namespace}/{claim.Name}" : "",
            volume.Annotations.TryGetValue(ClassAnnotation, out string? name) ? name : spec.StorageClassName ?? "",
            spec.VolumeAttributesClassName ?? "<unset>", volume.Status.Reason ?? "", Age(volume, now), spec.VolumeMode ?? "<unset>",
        ];
    }

    private static object?[] ClaimCells(PersistentVolumeClaim claim, DateTimeOffset now)
    {
        var spec = claim.Spec;
        bool isBound = !string.IsNullOrEmpty(spec.VolumeName);
        return
        [
            claim.Name, claim.IsBeingDeleted ? "Terminating" : claim.Status.Phase ?? "", spec.VolumeName ?? "",
            isBound ? StorageOf(claim.Status.Capacity) : "", isBound ? ModesOf(claim.Status.AccessModes) : "",
            claim.Annotations.TryGetValue(ClassAnnotation, out string? name) ? name : spec.StorageClassName ?? "",
            spec.VolumeAttributesClassName ?? "<unset>", Age(claim, now), spec.VolumeMode ?? "<unset>",
        ];
    }

    private static object?[] DriverCells(CSIDriver driver, DateTimeOffset now)
    {
        var spec = driver.Spec;
        return
        [
            driver.Name, spec.AttachRequired ?? true, spec.PodInfoOnMount ?? false, spec.StorageCapacity ?? false,
            spec.TokenRequests is { } requests ? string.Join(',', requests.Select(request => request.Audience)) : "<unset>",
            spec.RequiresRepublish ?? false, OrNone(string.Join(',', spec.VolumeLifecycleModes.OrEmpty())), Age(driver, now),
        ];
    }

    private static string StorageOf(Dictionary<string, Quantity>? amounts) => amounts.OrEmpty().GetValueOrDefault("storage").ToString();

    // In this order, whatever the order in which they are given.
    private static string ModesOf(List<string>? modes) => string.Join(',', new[]
        {
            ("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP"),
        }
        .Where(mode => modes.OrEmpty().Contains(mode.Item1)).Select(mode => mode.Item2));

    private static bool IsDefault(StorageClass storage) =>
        storage.Annotations.GetValueOrDefault(DefaultAnnotation) == "true"
        || storage.Annotations.GetValueOrDefault(OldDefaultAnnotation) == "true";
}
