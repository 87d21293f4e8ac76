using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Defaulting;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api.Validation;

/// <summary>Volumes of pods, and the parts that they have in common with persistent ones.</summary>
internal static class VolumeRules
{
    private const string FileMode = "must be a number between 0 and 0777 (octal), both inclusive";
    private static readonly string[] _hostPathTypes =
        ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
    private static readonly string[] _fieldPaths =
        ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

    /// <returns>The volumes without faults by name: what containers may mount.</returns>
    public static Dictionary<string, Volume> Check(Field field, List<Volume>? volumes, ObjectMeta? pod)
    {
        var sound = new Dictionary<string, Volume>(StringComparer.Ordinal);
        var made = volumes.OrEmpty().Where(volume => volume.Ephemeral is not null && !string.IsNullOrEmpty(pod?.Name))
            .Select(volume => $"{pod!.Name}-{volume.Name}").ToHashSet();
        foreach (var (index, volume) in volumes.OrEmpty().Index())
        {
            var place = field[index];
            int before = place.FaultCount;
            CheckSource(place, volume, pod);
            string name = volume.Name ?? "";
            place["name"].Named(name, NameRules.DnsLabel);
            if (sound.ContainsKey(name))
                place["name"].Duplicate(name);
            if (place.FaultCount == before)
                sound[name] = volume;
            if (volume.PersistentVolumeClaim?.ClaimName is { } claim && made.Contains(claim))
                place["persistentVolumeClaim"]["claimName"].Invalid(
                    claim, "must not reference a PVC that gets created for an ephemeral volume");
        }
        return sound;
    }

    private static void CheckSource(Field field, Volume volume, ObjectMeta? pod)
    {
        string[] sources = [.. VolumeSources.NamesOf(volume)];
        if (sources.Length == 0)
        {
            field.Required("must specify a volume type");
            return;
        }
        foreach (string further in sources.Skip(1))
            field[further].Forbidden("may not specify more than 1 volume type");
        CheckFirst(field, volume, sources[0], pod);
    }

    private static void CheckFirst(Field field, Volume volume, string source, ObjectMeta? pod)
    {
        var place = field[source];
        switch (source)
        {
            case "emptyDir":
                if (volume.EmptyDir!.SizeLimit is { Sign: < 0 })
                    place["sizeLimit"].Forbidden("SizeLimit field must be a valid resource quantity");
                break;
            case "hostPath": CheckHostPath(place, volume.HostPath!); break;
            case "gitRepo":
                place["repository"].Filled(volume.GitRepo!.Repository);
                CheckDescending(place["directory"], volume.GitRepo.Directory);
                break;
            case "secret":
                place["secretName"].Filled(volume.Secret!.SecretName);
                CheckMode(place["defaultMode"], volume.Secret.DefaultMode);
                CheckItems(place["items"], volume.Secret.Items);
                break;
            case "configMap":
                place["name"].Filled(volume.ConfigMap!.Name);
                CheckMode(place["defaultMode"], volume.ConfigMap.DefaultMode);
                CheckItems(place["items"], volume.ConfigMap.Items);
                break;
            case "persistentVolumeClaim": place["claimName"].Filled(volume.PersistentVolumeClaim!.ClaimName); break;
            case "nfs": CheckNfs(place, volume.Nfs!); break;
            case "downwarAPI": CheckDownward(field["downwardAPI"], volume.DownwardAPI!); break;
            case "projected": CheckProjected(place, volume.Projected!); break;
            case "csi":
                CheckDriverName(place["driver"], volume.Csi!.Driver);
                if (volume.Csi.NodePublishSecretRef is { } secret)
                    place["nodePublishSecretRef"]["name"].Named(secret.Name, NameRules.DnsSubdomain);
                break;
            case "ephemeral": CheckEphemeral(field, place, volume, pod); break;
            case "image":
                place["reference"].Filled(volume.Image!.Reference);
                place["pullPolicy"].OneOf(volume.Image.PullPolicy, "Always", "IfNotPresent", "Never");
                break;
            default: CheckNetworkDisk(field, place, volume, source); break;
        }
    }

    private static void CheckNetworkDisk(Field field, Field place, Volume volume, string source)
    {
        switch (source)
        {
            case "gcePersistentDisk":
                field["persistentDisk"]["pdName"].Filled(volume.GcePersistentDisk!.PdName);
                CheckPartition(field["persistentDisk"]["partition"], volume.GcePersistentDisk.Partition);
                break;
            case "awsElasticBlockStore":
                place["volumeID"].Filled(volume.AwsElasticBlockStore!.VolumeID);
                CheckPartition(place["partition"], volume.AwsElasticBlockStore.Partition);
                break;
            case "iscsi":
                place["targetPortal"].Filled(volume.Iscsi!.TargetPortal);
                CheckIqn(place["iqn"], volume.Iscsi.Iqn);
                CheckLun(place["lun"], volume.Iscsi.Lun);
                if ((volume.Iscsi.ChapAuthDiscovery == true || volume.Iscsi.ChapAuthSession == true) && volume.Iscsi.SecretRef is null)
                    place["secretRef"].Required();
                break;
            case "glusterfs":
                place["endpoints"].Filled(volume.Glusterfs!.Endpoints);
                place["path"].Filled(volume.Glusterfs.Path);
                break;
            case "rbd":
                CheckMonitors(place["monitors"], volume.Rbd!.Monitors);
                place["image"].Filled(volume.Rbd.Image);
                break;
            case "cinder":
                place["volumeID"].Filled(volume.Cinder!.VolumeID);
                if (volume.Cinder.SecretRef is { } secret)
                    place["secretRef"]["name"].Filled(secret.Name);
                break;
            case "cephFS": CheckMonitors(field["cephfs"]["monitors"], volume.Cephfs!.Monitors); break;
            case "fc": CheckFibreChannel(place, volume.Fc!); break;
            case "flexVolume": place["driver"].Filled(volume.FlexVolume!.Driver); break;
            case "azureFile":
                place["secretName"].Filled(volume.AzureFile!.SecretName);
                place["shareName"].Filled(volume.AzureFile.ShareName);
                break;
            case "azureDisk": CheckAzureDisk(place, volume.AzureDisk!); break;
            case "vsphereVolume": place["volumePath"].Filled(volume.VsphereVolume!.VolumePath); break;
            case "photonPersistentDisk": place["pdID"].Filled(volume.PhotonPersistentDisk!.PdID); break;
            case "portworxVolume": place["volumeID"].Filled(volume.PortworxVolume!.VolumeID); break;
            case "storageos": place["volumeName"].Named(volume.Storageos!.VolumeName, NameRules.DnsLabel); break;
            case "scaleIO":
                place["gateway"].Filled(volume.ScaleIO!.Gateway);
                place["system"].Filled(volume.ScaleIO.System);
                place["volumeName"].Filled(volume.ScaleIO.VolumeName);
                break;
            case "quobyte":
                if (string.IsNullOrEmpty(volume.Quobyte!.Registry))
                    place["registry"].Required("must be a host:port pair or multiple pairs separated by commas");
                place["volume"].Filled(volume.Quobyte.Volume);
                break;
            case "flocker":
                if (string.IsNullOrEmpty(volume.Flocker!.DatasetName) && string.IsNullOrEmpty(volume.Flocker.DatasetUUID))
                    place.Required("one of datasetName and datasetUUID is required");
                break;
        }
    }

    public static void CheckHostPath(Field field, HostPathVolumeSource source)
    {
        if (string.IsNullOrEmpty(source.Path))
        {
            field["path"].Required();
            return;
        }
        CheckNoBacksteps(field["path"], source.Path);
        field["type"].OneOfOrAbsent(source.Type, _hostPathTypes);
    }

    public static void CheckNfs(Field field, NFSVolumeSource source)
    {
        field["server"].Filled(source.Server);
        field["path"].Filled(source.Path);
        if (source.Path?.StartsWith('/') != true)
            field["path"].Invalid(source.Path ?? "", "must be an absolute path");
    }

    public static void CheckFibreChannel(Field field, FCVolumeSource source)
    {
        bool hasNames = source.TargetWWNs is { Count: > 0 };
        bool hasIds = source.Wwids is { Count: > 0 };
        if (!hasNames && !hasIds)
            field["targetWWNs"].Required("must specify either targetWWNs or wwids, but not both");
        if (hasNames && hasIds)
            field["targetWWNs"].Invalid(GoLiteral.Of(source.TargetWWNs), "targetWWNs and wwids can not be specified simultaneously");
        if (hasNames && source.Lun is null)
            field["lun"].Required("lun is required if targetWWNs is specified");
        else if (hasNames)
            CheckLun(field["lun"], source.Lun);
    }

    public static void CheckAzureDisk(Field field, AzureDiskVolumeSource source)
    {
        field["diskName"].Filled(source.DiskName);
        field["diskURI"].Filled(source.DiskURI);
        field["cachingMode"].OneOfOrAbsent(source.CachingMode, "None", "ReadOnly", "ReadWrite");
        field["kind"].OneOfOrAbsent(source.Kind, "Dedicated", "Managed", "Shared");
    }

    public static void CheckDriverName(Field field, string? driver)
    {
        if (string.IsNullOrEmpty(driver))
            field.Required();
        if (driver?.Length > NameRules.LabelLimit)
            field.TooLong(NameRules.LabelLimit);
        field.Invalid(driver ?? "", NameRules.DnsSubdomain((driver ?? "").ToLowerInvariant()));
    }

    public static void CheckIqn(Field field, string? iqn)
    {
        if (string.IsNullOrEmpty(iqn))
            field.Required();
        else if (!iqn.StartsWith("iqn", StringComparison.Ordinal) && !iqn.StartsWith("eui", StringComparison.Ordinal)
            && !iqn.StartsWith("naa", StringComparison.Ordinal))
            field.Invalid(iqn, "must be valid format starting with iqn, eui, or naa");
    }

    public static void CheckLun(Field field, int? lun)
    {
        if (lun is < 0 or > 255)
            field.Invalid(lun, NameRules.Range(0, 255));
    }

    public static void CheckPartition(Field field, int? partition)
    {
        if (partition is < 0 or > 255)
            field.Invalid(partition, NameRules.Range(1, 255));
    }

    public static void CheckMonitors(Field field, List<string>? monitors)
    {
        if (monitors is not { Count: > 0 })
            field.Required();
    }

    /// <summary>Relative, and never up.</summary>
    public static void CheckDescending(Field field, string? path)
    {
        if (path is null)
            return;
        if (path.StartsWith('/'))
            field.Invalid(path, "must be a relative path");
        CheckNoBacksteps(field, path);
    }

    public static void CheckNoBacksteps(Field field, string path)
    {
        if (path.Split('/').Contains(".."))
            field.Invalid(path, "must not contain '..'");
    }

    private static void CheckLocalPath(Field field, string? path)
    {
        CheckDescending(field, path ?? "");
        if (path?.StartsWith("..", StringComparison.Ordinal) == true && !path.StartsWith("../", StringComparison.Ordinal) && path != "..")
            field.Invalid(path, "must not start with '..'");
    }

    private static void CheckMode(Field field, int? mode)
    {
        if (mode is < 0 or > 0b111_111_111)
            field.Invalid(mode, FileMode);
    }

    private static void CheckItems(Field field, List<KeyToPath>? items)
    {
        foreach (var (index, item) in items.OrEmpty().Index())
        {
            field[index]["key"].Filled(item.Key);
            field[index]["path"].Filled(item.Path);
            CheckLocalPath(field[index]["path"], item.Path);
            CheckMode(field[index]["mode"], item.Mode);
        }
    }

    private static void CheckDownward(Field field, DownwardAPIVolumeSource source)
    {
        CheckMode(field["defaultMode"], source.DefaultMode);
        foreach (var file in source.Items.OrEmpty())
            CheckFile(field, file);
    }

    private static void CheckFile(Field field, DownwardAPIVolumeFile file)
    {
        field["path"].Filled(file.Path);
        CheckLocalPath(field["path"], file.Path);
        if (file.FieldRef is { } reference)
        {
            EnvironmentRules.CheckFieldRef(field["fieldRef"], reference, _fieldPaths);
            if (file.ResourceFieldRef is not null)
                field.Invalid("resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
        }
        else if (file.ResourceFieldRef is { } resource)
            EnvironmentRules.CheckResourceRef(field["resourceFieldRef"], resource, needsContainer: true);
        else
            field.Required("one of fieldRef and resourceFieldRef is required");
        CheckMode(field["mode"], file.Mode);
    }

    private static void CheckProjected(Field field, ProjectedVolumeSource projected)
    {
        CheckMode(field["defaultMode"], projected.DefaultMode);
        var paths = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, source) in projected.Sources.OrEmpty().Index())
            CheckProjection(field, field["sources"][index], source, paths);
    }

    private static void CheckProjection(Field field, Field place, VolumeProjection source, HashSet<string> paths)
    {
        int count = 0;
        void CheckPath(object? value, string? path)
        {
            if (!string.IsNullOrEmpty(path) && !paths.Add(path))
                field.Invalid(value, "conflicting duplicate paths");
        }

        if (source.Secret is { } secret)
        {
            count++;
            place["secret"]["name"].Filled(secret.Name);
            CheckItems(place["secret"]["items"], secret.Items);
            secret.Items.OrEmpty().ForEach(item => CheckPath(secret.Name, item.Path));
        }
        if (source.ConfigMap is { } map)
        {
            count++;
            place["configMap"]["name"].Filled(map.Name);
            CheckItems(place["configMap"]["items"], map.Items);
            map.Items.OrEmpty().ForEach(item => CheckPath(map.Name, item.Path));
        }
        if (source.DownwardAPI is { } downward)
        {
            count++;
            foreach (var file in downward.Items.OrEmpty())
            {
                CheckFile(place["downwardAPI"], file);
                CheckPath(file.Path, file.Path);
            }
        }
        if (source.ServiceAccountToken is { } token)
        {
            count++;
            CheckToken(field, place["serviceAccountToken"], token);
        }
        if (source.ClusterTrustBundle is { } bundle)
        {
            count++;
            CheckBundle(place["clusterTrustBundle"], bundle);
            CheckPath(bundle.Path, bundle.Path);
        }
        if (count > 1)
            place.Forbidden("may not specify more than 1 volume type per source");
    }

    private static void CheckToken(Field field, Field place, ServiceAccountTokenProjection token)
    {
        if (token.ExpirationSeconds < 600)
            place["expirationSeconds"].Invalid(token.ExpirationSeconds, "may not specify a duration less than 10 minutes");
        if (token.ExpirationSeconds > 1L << 32)
            place["expirationSeconds"].Invalid(token.ExpirationSeconds, "may not specify a duration larger than 2^32 seconds");
        field["path"].Filled(token.Path);
        CheckLocalPath(field["path"], token.Path);
    }

    private static void CheckBundle(Field field, ClusterTrustBundleProjection bundle)
    {
        if (bundle.Name is not null && bundle.SignerName is not null)
            field.Invalid(bundle, "only one of name and signerName may be used");
        else if (bundle.Name is null && bundle.SignerName is null)
            field.Required("either name or signerName must be specified");
        else if (bundle.Name is not null && bundle.LabelSelector is not null)
            field["labelSelector"].Invalid(GoLiteral.Of(bundle.LabelSelector), "labelSelector must be unset if name is specified");
        field["path"].Filled(bundle.Path);
        CheckLocalPath(field["path"], bundle.Path);
    }

    private static void CheckEphemeral(Field field, Field place, Volume volume, ObjectMeta? pod)
    {
        if (volume.Ephemeral!.VolumeClaimTemplate is not { } template)
        {
            place["volumeClaimTemplate"].Required();
            return;
        }
        MetadataRules.CheckAnnotations(place["volumeClaimTemplate"]["metadata"]["annotations"], template.Metadata.Annotations);
        MetadataRules.CheckLabels(place["volumeClaimTemplate"]["metadata"]["labels"], template.Metadata.Labels);
        StorageRules.CheckClaimSpec(place["volumeClaimTemplate"]["spec"], template.Spec);
        if (string.IsNullOrEmpty(pod?.Name) || string.IsNullOrEmpty(volume.Name))
            return;
        string name = $"{pod.Name}-{volume.Name}";
        foreach (string fault in NameRules.DnsSubdomain(name))
            field["name"].Invalid(volume.Name, $"PVC name {GoText.Quote(name)}: {fault}");
    }
}
