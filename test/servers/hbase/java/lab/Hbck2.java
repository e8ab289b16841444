package lab;

import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.HConstants;
import org.apache.hadoop.hbase.MetaTableAccessor;
import org.apache.hadoop.hbase.ServerName;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.ClusterConnection;
import org.apache.hadoop.hbase.client.ColumnFamilyDescriptorBuilder;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.Delete;
import org.apache.hadoop.hbase.client.Hbck;
import org.apache.hadoop.hbase.client.Put;
import org.apache.hadoop.hbase.client.RegionInfo;
import org.apache.hadoop.hbase.client.Table;
import org.apache.hadoop.hbase.client.TableDescriptor;
import org.apache.hadoop.hbase.client.TableDescriptorBuilder;
import org.apache.hadoop.hbase.client.TableState;
import org.apache.hadoop.hbase.io.hfile.CacheConfig;
import org.apache.hadoop.hbase.io.hfile.HFile;
import org.apache.hadoop.hbase.master.RegionState;
import org.apache.hadoop.hbase.regionserver.HRegionFileSystem;
import org.apache.hadoop.hbase.util.Bytes;
import org.apache.hadoop.hbase.util.CommonFSUtils;
import org.apache.hadoop.hbase.util.FSTableDescriptors;
import org.apache.hadoop.hbase.util.FSUtils;

/**
 * Does what the commands of HBCK2 do, by the client's public Hbck interface and the file system: the tool itself is not in the
 * registries a test can reach. bin/hbase runs the genuine jar instead where HBCK2_JAR names one.
 */
public final class Hbck2 {
  private final Configuration conf = HBaseConfiguration.create();
  private final Set<String> flags = new HashSet<>();
  private final List<String> words = new ArrayList<>();
  private Connection connection;
  private FileSystem files;
  private Path root;

  private Hbck2() {}

  public static void main(String[] args) throws Exception {
    Hbck2 tool = new Hbck2();
    String command = null;
    for (String a : args) {
      if (a.startsWith("-")) tool.flags.add(a);
      else if (command == null) command = a;
      else tool.words.add(a);
    }
    if (tool.flags.contains("-i")) {
      List<String> lines = new ArrayList<>();
      for (String f : tool.words) lines.addAll(Files.readAllLines(Paths.get(f)));
      tool.words.clear();
      lines.stream().flatMap(l -> Arrays.stream(l.trim().split("\\s+"))).filter(w -> !w.isEmpty()).forEach(tool.words::add);
    }
    tool.conf.setBoolean("hbase.client.reads.during.init", true);
    tool.root = CommonFSUtils.getRootDir(tool.conf);
    tool.files = tool.root.getFileSystem(tool.conf);
    tool.connection = ConnectionFactory.createConnection(tool.conf);
    boolean known = tool.run(command);
    tool.connection.close();
    if (!known) System.err.println("ERROR: Unrecognized command: " + command);
    System.exit(known ? 0 : 1);
  }

  private boolean run(String command) throws Exception {
    boolean override = flags.contains("-o");
    try (Hbck hbck = ((ClusterConnection) connection).getHbck()) {
      switch (String.valueOf(command)) {
        case "assigns": System.out.println(hbck.assigns(words, override)); return true;
        case "unassigns": System.out.println(hbck.unassigns(words, override)); return true;
        case "bypass":
          System.out.println(hbck.bypassProcedure(words.stream().map(Long::valueOf).collect(Collectors.toList()), 1, override, flags.contains("-r")));
          return true;
        case "fixMeta": hbck.fixMeta(); System.out.println("Server-side processing of fixMeta triggered."); return true;
        case "recoverUnknown": System.out.println(hbck.scheduleSCPsForUnknownServers()); return true;
        case "scheduleRecoveries":
          System.out.println(hbck.scheduleServerCrashProcedures(words.stream().map(ServerName::valueOf).collect(Collectors.toList())));
          return true;
        case "setTableState":
          System.out.println("Previous state: " + hbck.setTableStateInMeta(new TableState(TableName.valueOf(words.get(0)), TableState.State.valueOf(words.get(1)))));
          return true;
        case "setRegionState": {
          Map<String, RegionState.State> states = new HashMap<>();
          states.put(words.get(0), RegionState.State.valueOf(words.get(1)));
          System.out.println(hbck.setRegionStateInMeta(states));
          return true;
        }
        case "reportMissingRegionsInMeta": missing(false); return true;
        case "addFsRegionsMissingInMeta": missing(true); return true;
        case "extraRegionsInMeta": extra(flags.contains("-f") || flags.contains("--fix")); return true;
        case "generateMissingTableDescriptorFile": describe(); return true;
        case "filesystem": sideline(flags.contains("-f") || flags.contains("--fix")); return true;
        default: return false;
      }
    }
  }

  /** The folders of the tables named (ns:table or table), all user tables if none is. */
  private List<Path> tables() throws Exception {
    List<Path> out = new ArrayList<>();
    for (Path dir : FSUtils.getTableDirs(files, root)) {
      TableName t = CommonFSUtils.getTableName(dir);
      boolean named = words.contains(t.getNameAsString()) || words.contains(t.getNameWithNamespaceInclAsString()) || words.contains(t.getNamespaceAsString());
      if (named || (words.isEmpty() && !t.isSystemTable())) out.add(dir);
    }
    return out;
  }

  private void missing(boolean add) throws Exception {
    List<String> added = new ArrayList<>();
    for (Path dir : tables()) {
      TableName table = CommonFSUtils.getTableName(dir);
      Set<String> known = new HashSet<>();
      MetaTableAccessor.scanMetaForTableRegions(connection, row -> {
        RegionInfo region = MetaTableAccessor.getRegionInfo(row);
        if (region != null) known.add(region.getEncodedName());
        List<RegionInfo> parents = MetaTableAccessor.getMergeRegions(row.rawCells());
        if (parents != null) parents.forEach(p -> known.add(p.getEncodedName()));
        return true;
      }, table);
      System.out.println(table + " ->");
      for (Path folder : FSUtils.getRegionDirs(files, dir)) {
        if (known.contains(folder.getName())) continue;
        RegionInfo region = HRegionFileSystem.loadRegionInfoFileContent(files, folder);
        System.out.println("\t" + region.getEncodedName());
        if (!add) continue;
        Put put = MetaTableAccessor.makePutFromRegionInfo(region, System.currentTimeMillis());
        put.addColumn(HConstants.CATALOG_FAMILY, HConstants.STATE_QUALIFIER, Bytes.toBytes("CLOSED"));
        try (Table meta = connection.getTable(TableName.META_TABLE_NAME)) { meta.put(put); }
        added.add(region.getEncodedName());
      }
    }
    if (add) System.out.println("Regions re-added into Meta: " + added.size() + (added.isEmpty() ? "" : "\nassigns " + String.join(" ", added)));
  }

  private void extra(boolean fix) throws Exception {
    for (Path dir : tables()) {
      TableName table = CommonFSUtils.getTableName(dir);
      Set<String> folders = FSUtils.getRegionDirs(files, dir).stream().map(Path::getName).collect(Collectors.toSet());
      System.out.println(table + " ->");
      for (RegionInfo region : MetaTableAccessor.getTableRegions(connection, table, false)) {
        if (folders.contains(region.getEncodedName())) continue;
        System.out.println("\t" + region.getEncodedName());
        if (fix) try (Table meta = connection.getTable(TableName.META_TABLE_NAME)) { meta.delete(new Delete(region.getRegionName())); }
      }
    }
  }

  private void describe() throws Exception {
    FSTableDescriptors descriptors = new FSTableDescriptors(conf);
    for (Path dir : tables()) {
      if (FSTableDescriptors.isTableDir(files, dir)) continue;
      TableName table = CommonFSUtils.getTableName(dir);
      TableDescriptor known = null;
      try (Table t = connection.getTable(table)) { known = t.getDescriptor(); } catch (java.io.IOException e) { System.err.println("the master knows no descriptor of " + table); }
      if (known == null) known = guess(dir, table);
      descriptors.createTableDescriptor(known, false);
    }
  }

  private TableDescriptor guess(Path dir, TableName table) throws Exception {
    Set<String> families = new TreeSet<>();
    for (Path region : FSUtils.getRegionDirs(files, dir)) for (FileStatus f : files.listStatus(region)) {
      String name = f.getPath().getName();
      if (f.isDirectory() && !name.startsWith(".") && !name.equals("recovered.edits")) families.add(name);
    }
    TableDescriptorBuilder b = TableDescriptorBuilder.newBuilder(table);
    families.forEach(f -> b.setColumnFamily(ColumnFamilyDescriptorBuilder.of(f)));
    return b.build();
  }

  /** Moves store files that cannot be opened to ROOT/corrupt/TABLE/REGION/FAMILY. */
  private void sideline(boolean fix) throws Exception {
    int checked = 0, corrupt = 0;
    for (Path dir : tables()) for (Path region : FSUtils.getRegionDirs(files, dir)) for (Path family : FSUtils.getFamilyDirs(files, region)) {
      for (FileStatus f : files.listStatus(family)) {
        if (!f.isFile() || f.getPath().getName().contains(".") || f.getPath().getName().contains("=")) continue;
        checked++;
        try (HFile.Reader r = HFile.createReader(files, f.getPath(), CacheConfig.DISABLED, true, conf)) {
          r.getTrailer();
        } catch (java.io.IOException e) {
          corrupt++;
          System.out.println("corrupt: " + f.getPath());
          Path aside = new Path(root, "corrupt/" + dir.getName() + "/" + region.getName() + "/" + family.getName());
          if (fix) {
            files.mkdirs(aside);
            files.rename(f.getPath(), new Path(aside, f.getPath().getName()));
          }
        }
      }
    }
    System.out.println("Checked " + checked + " hfiles for corruption, corrupt: " + corrupt);
  }
}
