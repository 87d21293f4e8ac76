namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>A file or folder of the node itself.</summary>
/// <param name="type">What must be there; empty: the runtime makes a folder of what is not.</param>
internal sealed class HostPathVolume(string path, string type) : IVolume
{
    private const UnixFileMode NewFolder = (UnixFileMode)0x1ED; // 0755
    private const UnixFileMode NewFile = (UnixFileMode)0x1A4; // 0644

    public string Root => path;

    public Task SetUpAsync(CancellationToken ct)
    {
        if (path.Split('/').Contains(".."))
            throw new VolumeException($"invalid HostPath `{path}`: must not contain '..'");
        switch (type)
        {
            case "":
                break;
            case "DirectoryOrCreate" when !Exists():
                Directory.CreateDirectory(path);
                LinuxFiles.ChangeMode(path, NewFolder);
                break;
            case "FileOrCreate" when !Exists():
                MakeFile();
                break;
            case "Directory" or "DirectoryOrCreate":
                Check(FileKind.Directory, "directory");
                break;
            case "File" or "FileOrCreate":
                Check(FileKind.Regular, "file");
                break;
            case "Socket":
                Check(FileKind.Socket, "socket file");
                break;
            case "CharDevice":
                Check(FileKind.CharacterDevice, "character device");
                break;
            case "BlockDevice":
                Check(FileKind.BlockDevice, "block device");
                break;
            default:
                throw new VolumeException($"{type} is an invalid volume type");
        }
        return Task.CompletedTask;
    }

    private bool Exists() => LinuxFiles.StateOf(path) is not null;

    private void MakeFile()
    {
        try
        {
            new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write).Dispose();
            LinuxFiles.ChangeMode(path, NewFile);
        }
        catch (DirectoryNotFoundException)
        {
            throw new VolumeException($"open {path}: no such file or directory");
        }
    }

    private void Check(FileKind kind, string description)
    {
        if (LinuxFiles.StateOf(path)?.Kind != kind)
            throw new VolumeException($"hostPath type check failed: {path} is not a {description}");
    }
}
