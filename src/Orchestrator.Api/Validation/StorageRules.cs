using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Defaulting;
using Orchestrator.Api.StorageV1;

namespace Orchestrator.Api.Validation;

/// <summary>Volumes, claims, their classes and drivers.</summary>
internal static class StorageRules
{
    private static readonly string[] _modes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

    public static void Check(Field root, PersistentVolume volume)
    {
        var field = root["spec"];
        var spec = volume.Spec;
        if (spec.AccessModes is not { Count: > 0 })
            field["accessModes"].Required();
        CheckModes(field["accessModes"], spec.AccessModes);
        CheckCapacity(field["capacity"], spec.Capacity);
        if (!string.IsNullOrEmpty(spec.PersistentVolumeReclaimPolicy))
            field["persistentVolumeReclaimPolicy"].OneOf(spec.PersistentVolumeReclaimPolicy, "Delete", "Recycle", "Retain");
        if (spec.NodeAffinity is { Required: { } required })
            AffinityRules.CheckNodeSelector(field["nodeAffinity"]["required"], required);
        else if (spec.NodeAffinity is not null)
            field["nodeAffinity"]["required"].Required("must specify required node constraints");
        CheckSource(field, spec);
        if (spec.HostPath?.Path == "/" && spec.PersistentVolumeReclaimPolicy == "Recycle")
            field["persistentVolumeReclaimPolicy"].Forbidden("may not be 'recycle' for a hostPath mount of '/'");
        field["storageClassName"].NamedOrAbsent(spec.StorageClassName, NameRules.DnsSubdomain);
        field["volumeMode"].OneOfOrAbsent(spec.VolumeMode, "Block", "Filesystem");
    }

    public static void CheckUpdate(Field root, PersistentVolume volume, PersistentVolume old)
    {
        if (!SourceOf(volume.Spec).DeepEquals(SourceOf(old.Spec)))
            root["spec"]["persistentvolumesource"].Forbidden(
                $"spec.persistentvolumesource is immutable after creation\n{Difference.Of(SourceOf(old.Spec), SourceOf(volume.Spec))}");
        root["volumeMode"].Unchanged(volume.Spec.VolumeMode, old.Spec.VolumeMode);
        if (old.Spec.NodeAffinity is { } affinity && !affinity.DeepEquals(volume.Spec.NodeAffinity))
            root["spec"]["nodeAffinity"].Invalid(volume.Spec.NodeAffinity, Field.Immutable + ", except for updating from beta label to GA");
    }

    public static void Check(Field root, PersistentVolumeClaim claim) => CheckClaimSpec(root["spec"], claim.Spec);

    public static void CheckClaimSpec(Field field, PersistentVolumeClaimSpec spec)
    {
        if (spec.AccessModes is not { Count: > 0 })
            field["accessModes"].Required("at least 1 access mode is required");
        MetadataRules.CheckSelector(field["selector"], spec.Selector);
        CheckModes(field["accessModes"], spec.AccessModes);
        var place = field["resources"].Key("storage");
        if (!(spec.Resources?.Requests).OrEmpty().TryGetValue("storage", out var storage))
            place.Required();
        else if (storage.Sign <= 0)
            place.Invalid(storage.ToString(), "must be greater than zero");
        field["storageClassName"].NamedOrAbsent(spec.StorageClassName, NameRules.DnsSubdomain);
        field["volumeMode"].OneOfOrAbsent(spec.VolumeMode, "Block", "Filesystem");
        if (spec.DataSource is { } source)
            CheckDataSource(field["dataSource"], source.ApiGroup, source.Kind, source.Name);
        if (spec.DataSourceRef is { } reference)
            CheckDataSource(field["dataSourceRef"], reference.ApiGroup, reference.Kind, reference.Name);
        if (spec is { DataSource: { } left, DataSourceRef: { } right })
        {
            if (!string.IsNullOrEmpty(right.Namespace))
                field.Invalid(field["dataSource"].ToString(), "may not be specified when dataSourceRef.namespace is specified");
            else if ((left.ApiGroup ?? "", left.Kind, left.Name) != (right.ApiGroup ?? "", right.Kind, right.Name))
                field.Invalid(field["dataSource"].ToString(), "must match dataSourceRef");
        }
        field["volumeAttributesClassName"].NamedOrAbsent(spec.VolumeAttributesClassName, NameRules.DnsSubdomain);
    }

    public static void CheckUpdate(Field root, PersistentVolumeClaim claim, PersistentVolumeClaim old)
    {
        var masked = claim.Spec.DeepClone();
        var before = old.Spec;
        // The binder names the volume once; a class may be given afterwards where none was.
        if (string.IsNullOrEmpty(before.VolumeName))
            masked.VolumeName = before.VolumeName;
        if (before.StorageClassName is null)
            masked.StorageClassName = null;
        bool hasSize = (claim.Spec.Resources?.Requests).OrEmpty().TryGetValue("storage", out var size);
        bool hadSize = (before.Resources?.Requests).OrEmpty().TryGetValue("storage", out var oldSize);
        if (claim.Status.Phase == "Bound")
        {
            if (hasSize && hadSize)
                masked.Resources!.Requests!["storage"] = oldSize;
            if (masked.VolumeAttributesClassName is not null)
                masked.VolumeAttributesClassName = before.VolumeAttributesClassName;
        }
        if (!masked.DeepEquals(before))
            root["spec"].Forbidden("spec is immutable after creation except resources.requests and volumeAttributesClassName "
                + $"for bound claims\n{Difference.Of(before, masked)}");
        if (hasSize && hadSize && size < oldSize && size <= old.Status.Capacity.OrEmpty().GetValueOrDefault("storage"))
            root["spec"]["resources"]["requests"]["storage"].Forbidden("field can not be less than status.capacity");
        root["volumeMode"].Unchanged(claim.Spec.VolumeMode, before.VolumeMode);
    }

    public static void CheckStatusUpdate(Field root, PersistentVolumeClaim claim, PersistentVolumeClaim old)
    {
        if (claim.Spec.AccessModes is not { Count: > 0 })
            root["Spec"]["accessModes"].Required();
        foreach (var (name, amount) in ResourceRules.Sorted(claim.Status.Capacity))
        {
            if (amount.Value < 0)
                root["status"]["capacity"].Key(name).Invalid(amount.Value, "must be a valid resource quantity");
        }
    }

    public static void Check(Field root, StorageClass storage)
    {
        root["provisioner"].Named(storage.Provisioner, name => NameRules.QualifiedName(name.ToLowerInvariant()));
        root["reclaimPolicy"].OneOfOrAbsent(storage.ReclaimPolicy, "Delete", "Retain");
        if (storage.VolumeBindingMode is null)
            root["volumeBindingMode"].Required();
        root["volumeBindingMode"].OneOfOrAbsent(storage.VolumeBindingMode, "Immediate", "WaitForFirstConsumer");
        foreach (string key in storage.Parameters.OrEmpty().Keys.Where(key => key.Length == 0))
            root["parameters"].Invalid(key, "field can not be empty.");
        foreach (var (index, term) in storage.AllowedTopologies.OrEmpty().Index())
            CheckTopology(root["allowedTopologies"][index]["matchLabelExpressions"], term);
    }

    public static void CheckUpdate(Field root, StorageClass storage, StorageClass old)
    {
        if (!Strategies.Copies.Same(storage.Parameters, old.Parameters))
            root["parameters"].Forbidden("updates to parameters are forbidden.");
        if (storage.Provisioner != old.Provisioner)
            root["provisioner"].Forbidden("updates to provisioner are forbidden.");
        if (storage.ReclaimPolicy != old.ReclaimPolicy)
            root["reclaimPolicy"].Forbidden("updates to reclaimPolicy are forbidden.");
        root["volumeBindingMode"].Unchanged(storage.VolumeBindingMode, old.VolumeBindingMode);
    }

    public static void Check(Field root, VolumeAttachment attachment)
    {
        var field = root["spec"];
        VolumeRules.CheckDriverName(field["attacher"], attachment.Spec.Attacher);
        var source = attachment.Spec.Source;
        if (source?.PersistentVolumeName is null && source?.InlineVolumeSpec is null)
            field["source"].Required("must specify exactly one of inlineVolumeSpec and persistentVolumeName");
        else if (source is { PersistentVolumeName: not null, InlineVolumeSpec: not null })
            field["source"].Forbidden("must specify exactly one of inlineVolumeSpec and persistentVolumeName");
        else if (source?.PersistentVolumeName is { } name)
        {
            if (name.Length == 0)
                field["source"]["persistentVolumeName"].Required("must specify non empty persistentVolumeName");
            else
                field["source"]["persistentVolumeName"].Invalid(name, NameRules.DnsSubdomain(name));
        }
        field["nodeName"].Invalid(attachment.Spec.NodeName ?? "", NameRules.DnsSubdomain(attachment.Spec.NodeName ?? ""));
    }

    public static void CheckUpdate(Field root, VolumeAttachment attachment, VolumeAttachment old)
    {
        if (!attachment.Spec.DeepEquals(old.Spec))
            root["spec"].Invalid(attachment.Spec, Field.Immutable);
    }

    public static void Check(Field root, CSINode node)
    {
        var names = new HashSet<string?>(StringComparer.Ordinal);
        foreach (var (index, driver) in node.Spec.Drivers.OrEmpty().Index())
        {
            var field = root["spec"]["drivers"][index];
            VolumeRules.CheckDriverName(field["name"], driver.Name);
            if (!names.Add(driver.Name))
                field["name"].Duplicate(driver.Name ?? "");
            field["nodeID"].Filled(driver.NodeID);
            if (driver.Allocatable?.Count < 0)
                field["allocatable"]["count"].Invalid(driver.Allocatable.Count, Field.Negative);
            foreach (var (position, key) in driver.TopologyKeys.OrEmpty().Index())
                field["topologyKeys"][position].Invalid(key, NameRules.QualifiedName(key));
        }
    }

    public static void Check(Field root, CSIDriver driver)
    {
        var field = root["spec"];
        VolumeRules.CheckDriverName(root["metadata"]["name"], driver.Name);
        if (driver.Spec.AttachRequired is null)
            field["attachedRequired"].Required();
        if (driver.Spec.PodInfoOnMount is null)
            field["podInfoOnMount"].Required();
        if (driver.Spec.StorageCapacity is null)
            field["storageCapacity"].Required();
        field["fsGroupPolicy"].OneOf(driver.Spec.FsGroupPolicy, "File", "None", "ReadWriteOnceWithFSType");
        foreach (string mode in driver.Spec.VolumeLifecycleModes.OrEmpty())
            field["volumeLifecycleModes"].OneOf(mode, "Ephemeral", "Persistent");
        var audiences = new HashSet<string?>(StringComparer.Ordinal);
        foreach (var (index, request) in driver.Spec.TokenRequests.OrEmpty().Index())
        {
            if (!audiences.Add(request.Audience))
                field["tokenRequests"][index]["audience"].Duplicate(request.Audience ?? "");
            if (request.ExpirationSeconds < 600)
                field["tokenRequests"][index]["expirationSeconds"].Invalid(
                    request.ExpirationSeconds, "may not specify a duration less than 10 minutes");
        }
    }

    public static void Check(Field root, CSIStorageCapacity capacity)
    {
        root["storageClassName"].Invalid(capacity.StorageClassName ?? "", NameRules.DnsSubdomain(capacity.StorageClassName ?? ""));
        MetadataRules.CheckSelector(root["nodeTopology"], capacity.NodeTopology);
        if (capacity.Capacity is { Sign: < 0 } size)
            root["capacity"].Invalid(size.ToString(), Field.Negative);
        if (capacity.MaximumVolumeSize is { Sign: < 0 } maximum)
            root["maximumVolumeSize"].Invalid(maximum.ToString(), Field.Negative);
    }

    public static void Check(Field root, VolumeAttributesClass attributes)
    {
        root["driverName"].Named(attributes.DriverName, name => NameRules.QualifiedName(name.ToLowerInvariant()));
        if (attributes.Parameters is not { Count: > 0 })
            root["parameters"].Required("must contain at least one key/value pair");
    }

    private static void CheckModes(Field field, List<string>? modes)
    {
        foreach (string mode in modes.OrEmpty().Where(mode => !_modes.Contains(mode)))
            field.NotSupported(mode, _modes);
        if (modes.OrEmpty().Contains("ReadWriteOncePod") && modes!.Exists(mode => mode != "ReadWriteOncePod" && _modes.Contains(mode)))
            field.Forbidden("may not use ReadWriteOncePod with other access modes");
    }

    private static void CheckCapacity(Field field, Dictionary<string, Quantity>? capacity)
    {
        if (capacity is not { Count: > 0 })
            field.Required();
        if (!capacity.OrEmpty().ContainsKey("storage") || capacity!.Count > 1)
            field.NotSupported(GoLiteral.Raw($"core.ResourceList{{{string.Join(", ", capacity.OrEmpty().Keys.Order(StringComparer.Ordinal))}}}"),
                "storage");
        foreach (var (name, amount) in ResourceRules.Sorted(capacity))
        {
            if (amount.Sign <= 0)
                field.Key(name).Invalid(amount.ToString(), "must be greater than zero");
        }
    }

    private static void CheckSource(Field field, PersistentVolumeSpec spec)
    {
        string[] sources = [.. VolumeSources.NamesOf(spec)];
        if (sources.Length == 0)
            field.Required("must specify a volume type");
        foreach (string further in sources.Skip(1))
            field[further].Forbidden("may not specify more than 1 volume type");
        switch (sources.FirstOrDefault())
        {
            case "hostPath": VolumeRules.CheckHostPath(field["hostPath"], spec.HostPath!); break;
            case "nfs": VolumeRules.CheckNfs(field["nfs"], spec.Nfs!); break;
            case "fc": VolumeRules.CheckFibreChannel(field["fc"], spec.Fc!); break;
            case "azureDisk": VolumeRules.CheckAzureDisk(field["azureDisk"], spec.AzureDisk!); break;
            case "local":
                field["local"]["path"].Filled(spec.Local!.Path);
                VolumeRules.CheckNoBacksteps(field["local"]["path"], spec.Local.Path ?? "");
                if (spec.NodeAffinity is null)
                    field["nodeAffinity"].Required("Local volume requires node affinity");
                break;
            case "iscsi":
                field["iscsi"]["targetPortal"].Filled(spec.Iscsi!.TargetPortal);
                VolumeRules.CheckIqn(field["iscsi"]["iqn"], spec.Iscsi.Iqn);
                VolumeRules.CheckLun(field["iscsi"]["lun"], spec.Iscsi.Lun);
                break;
            case "csi":
                VolumeRules.CheckDriverName(field["csi"]["driver"], spec.Csi!.Driver);
                field["csi"]["volumeHandle"].Filled(spec.Csi.VolumeHandle);
                CheckSecret(field["csi"]["controllerPublishSecretRef"], spec.Csi.ControllerPublishSecretRef);
                CheckSecret(field["csi"]["controllerExpandSecretRef"], spec.Csi.ControllerExpandSecretRef);
                CheckSecret(field["csi"]["nodePublishSecretRef"], spec.Csi.NodePublishSecretRef);
                CheckSecret(field["csi"]["nodeExpandSecretRef"], spec.Csi.NodeExpandSecretRef);
                break;
            case "gcePersistentDisk": field["persistentDisk"]["pdName"].Filled(spec.GcePersistentDisk!.PdName); break;
            case "awsElasticBlockStore": field["awsElasticBlockStore"]["volumeID"].Filled(spec.AwsElasticBlockStore!.VolumeID); break;
            case "rbd":
                VolumeRules.CheckMonitors(field["rbd"]["monitors"], spec.Rbd!.Monitors);
                field["rbd"]["image"].Filled(spec.Rbd.Image);
                break;
            case "cephFS": VolumeRules.CheckMonitors(field["cephfs"]["monitors"], spec.Cephfs!.Monitors); break;
            case "cinder": field["cinder"]["volumeID"].Filled(spec.Cinder!.VolumeID); break;
            case "vsphereVolume": field["vsphereVolume"]["volumePath"].Filled(spec.VsphereVolume!.VolumePath); break;
            case "flexVolume": field["flexVolume"]["driver"].Filled(spec.FlexVolume!.Driver); break;
            case "azureFile":
                field["azureFile"]["secretName"].Filled(spec.AzureFile!.SecretName);
                field["azureFile"]["shareName"].Filled(spec.AzureFile.ShareName);
                break;
            case "glusterfs":
                field["glusterfs"]["endpoints"].Filled(spec.Glusterfs!.Endpoints);
                field["glusterfs"]["path"].Filled(spec.Glusterfs.Path);
                break;
        }
    }

    private static void CheckSecret(Field field, SecretReference? secret)
    {
        if (secret is null)
            return;
        field["name"].Named(secret.Name, NameRules.DnsSubdomain);
        field["namespace"].Named(secret.Namespace, NameRules.DnsLabel);
    }

    // What is left of a volume's spec without what may change.
    private static PersistentVolumeSpec SourceOf(PersistentVolumeSpec spec)
    {
        var source = spec.DeepClone();
        source.AccessModes = null;
        source.Capacity = null;
        source.ClaimRef = null;
        source.MountOptions = null;
        source.NodeAffinity = null;
        source.PersistentVolumeReclaimPolicy = null;
        source.StorageClassName = null;
        source.VolumeAttributesClassName = null;
        source.VolumeMode = null;
        if (source.Csi is { } csi)
            csi.ControllerExpandSecretRef = null;
        return source;
    }

    private static void CheckDataSource(Field field, string? group, string? kind, string? name)
    {
        field["name"].Filled(name);
        field["kind"].Filled(kind);
        if (string.IsNullOrEmpty(group) && kind != "PersistentVolumeClaim")
            field.Invalid(kind ?? "", "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
        field["apiGroup"].NamedOrAbsent(group, NameRules.DnsSubdomain);
    }

    private static void CheckTopology(Field field, TopologySelectorTerm term)
    {
        var keys = new HashSet<string?>(StringComparer.Ordinal);
        foreach (var (index, requirement) in term.MatchLabelExpressions.OrEmpty().Index())
        {
            if (requirement.Values is not { Count: > 0 })
                field[index]["values"].Required();
            MetadataRules.CheckLabelKey(field[index]["key"], requirement.Key);
            if (!keys.Add(requirement.Key))
                field[index]["key"].Duplicate(requirement.Key ?? "");
        }
    }
}
